/*
 * fuzz.h: what every libFuzzer target needs.  A target stops (and libFuzzer
 * keeps the input) when a property of the format does not hold.
 */
#ifndef CVG_FUZZ_H
#define CVG_FUZZ_H

#include "../unit/recode.h"

#define REQUIRE(cond) \
	do { \
		if (!(cond)) \
		{ \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond); \
			abort(); \
		} \
	} while (0)

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Two inputs in one: the first two bytes are the length of the first.  Each
 * is copied to memory of its own, so that reading past its end is seen; both
 * stay until gen_reset().
 */
static inline bool
fuzz_split(const uint8_t *data, size_t size, CvgSlice *a, CvgSlice *b)
{
	size_t		len;

	if (size < 2)
		return false;
	len = ((size_t) data[0] << 8) | data[1];
	if (len > size - 2)
		return false;
	*a = gen_copy(cvg_slice(data + 2, len));
	*b = gen_copy(cvg_slice(data + 2 + len, size - 2 - len));
	return true;
}

/* The input as a C string, which ends at its first NUL byte. */
static inline const char *
fuzz_cstring(const uint8_t *data, size_t size)
{
	char	   *text = gen_alloc(size + 1);

	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

#endif
