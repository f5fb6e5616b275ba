/*
 * Messages between nodes; the first byte says which.
 */
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const RecodeFn formats[] = {recode_hello, recode_request, recode_head,
	recode_entries, recode_fetch_request, recode_fetch_answer};

	if (size > 0)
		REQUIRE(recode_holds(formats[data[0] % lengthof(formats)],
							 cvg_slice(data + 1, size - 1)));
	return 0;
}
