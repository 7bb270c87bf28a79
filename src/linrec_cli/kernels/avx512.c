/* For processors with AVX-512. */

#include "call.h"

#if defined(__x86_64__)
#define WIDE AVX512_WIDE
#define NAME linrec_avx512
#define TARGET __attribute__((target("avx2,fma,avx512f,avx512vl,avx512bw,avx512dq")))
#include "form.h"
#endif
