/* For processors with AVX2. */

#include "call.h"

#if defined(__x86_64__)
#define WIDE AVX2_WIDE
#define NAME linrec_avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "form.h"
#endif
