/* `WIDE` floats at a time, as compilers' vector types; wider ones than the processor has are slow. */

#include "call.h"

typedef float vec __attribute__((vector_size(4 * WIDE)));
typedef float loose __attribute__((vector_size(4 * WIDE), aligned(4), may_alias));
typedef int32_t ivec __attribute__((vector_size(4 * WIDE)));
typedef float four __attribute__((vector_size(16)));

INLINE vec choose(ivec mask, vec yes, vec no) { return (vec)((mask & (ivec)yes) | (~mask & (ivec)no)); }

/* Of `left` numbers, the rest zero. */
INLINE vec load(const float *from, int64_t left) {
    if (left >= WIDE) return *(const loose *)from;
    vec x = {0};
    memcpy(&x, from, (size_t)left * sizeof(float));
    return x;
}

INLINE void store(float *to, vec x, int64_t left) {
    if (left >= WIDE) *(loose *)to = x;
    else memcpy(to, &x, (size_t)left * sizeof(float));
}

INLINE float total(vec x) {
    union { vec all; four part[WIDE / 4]; } cut = {x};
#if WIDE == 16
    four sum = (cut.part[0] + cut.part[2]) + (cut.part[1] + cut.part[3]);
#elif WIDE == 8
    four sum = cut.part[0] + cut.part[1];
#else
    four sum = cut.part[0];
#endif
    return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

INLINE void inverse_roots(float *x, int64_t count, float eps) {
    for (int64_t i = 0; i < count; i++) x[i] = 1.0f / sqrtf(x[i] + eps);
}

/* x, or e^x - 1 where x is negative, within two units in the last place.

   x = n ln 2 + r with |r| <= .35, and e^x - 1 = 2^n (e^r - 1) + (2^n - 1), whose last bracket is exact; what r lacks is
   made small by 2^n. What comes out of this for a positive x is not read. */
INLINE vec elu(vec x) {
    const float shift = 0x1.8p23f;
    vec y = choose(x < -87.0f, (vec){0} - 87.0f, x);
    vec moved = y * 0x1.715476p0f + shift, n = moved - shift, r = y - n * 0x1.62e430p-1f;
    vec p = r * 0x1.a01a02p-13f + 0x1.6c16c2p-10f;
    p = p * r + 0x1.111112p-7f;
    p = p * r + 0x1.555556p-5f;
    p = p * r + 0x1.555556p-3f;
    p = p * r + 0.5f;
    p = p * (r * r) + r;
    vec power = (vec)(((ivec)moved << 23) + 0x3f800000);
    return choose(x > 0, x, power * p + (power - 1.0f));
}

/* The derivative of `elu` where it gave `e`. */
INLINE vec slope(vec e) { return choose(e > 0, (vec){0} + 1.0f, e + 1.0f); }
