/*
 * Table descriptors: refused, or the same bytes again.
 */
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	REQUIRE(recode_holds(recode_descriptor, cvg_slice(data, size)));
	return 0;
}
