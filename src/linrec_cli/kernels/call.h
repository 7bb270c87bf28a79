/* What a call is given, and what is known and worked on of a head. */

#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define CHUNK 32
/* Powers of a decay stay below e to this. */
#define MOST 8.0
#define QUERY_EPS 1e-12f
#define KEY_EPS 1e-3f

/* A tensor [B, H, T, D], contiguous in D only; of kept states [B, H, segments, (D + 1) D]. */
typedef struct { float *data; int64_t b, h, t; } tensor;

typedef struct {
    tensor q, k, v, kept, out, g, dq, dk, dv;
    int64_t batch, heads, length, size, rows, cols, segment, segments;
    const int64_t *lengths;
    const double *log_decay;
    /* What counts at each segment's start, and its derivative by the log-decay, [H, segments, 2]. */
    double *counts, *ddecay;
} call;

/* Of one head: states, transposed or not, norms, and what counts. */
typedef struct {
    float *state, *later, *turned, *norm, *after;
    double decay, count, slope, ddecay;
    int64_t steps;
    /* Powers of the decay, of its inverse too. */
    float left[CHUNK + 1], grown[CHUNK];
} head;

/* What is worked on of a chunk, [CHUNK, cols] each. */
typedef struct {
    float *e, *k, *v, *g, *a, *r, *o, *x, s[CHUNK], count[CHUNK];
} room;

INLINE int64_t least(int64_t x, int64_t y) { return x < y ? x : y; }

/* Positions of a sequence that are no padding. */
INLINE int64_t real(const call *c, int64_t b) {
    return c->lengths && c->lengths[b] < c->length ? (c->lengths[b] > 0 ? c->lengths[b] : 0) : c->length;
}

INLINE float *at(tensor x, int64_t b, int64_t h, int64_t t) { return x.data + b * x.b + h * x.h + t * x.t; }

/* The work on some heads of a sequence, for a kind of processor; how many floats it takes at a time. */
typedef void form(const call *c, int64_t b, int64_t first, int64_t last, head *heads, room *w);
form linrec_plain, linrec_avx2, linrec_avx512;
#define PLAIN_WIDE 4
#define AVX2_WIDE 8
#define AVX512_WIDE 16
