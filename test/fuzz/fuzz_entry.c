/*
 * Entry bodies with their changes, and row images, by the first byte.
 */
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const RecodeFn formats[] = {recode_body, recode_image};

	if (size > 0)
		REQUIRE(recode_holds(formats[data[0] % lengthof(formats)],
							 cvg_slice(data + 1, size - 1)));
	return 0;
}
