/* What a call is given, what is known of a head, and the one loop in which nearly all is computed. */

#include "vectors.h"

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

/* Ask for the row that will be wanted a chunk later; past the end of memory that does nothing. */
INLINE void ask(const call *c, tensor x, const float *row) {
    for (int64_t j = 0; j < c->size; j += WIDE) __builtin_prefetch(row + CHUNK * x.t + j, 0, 2);
}

INLINE void ask_to_write(const call *c, tensor x, const float *row) {
    for (int64_t j = 0; j < c->size; j += WIDE) __builtin_prefetch(row + CHUNK * x.t + j, 1, 2);
}

INLINE float *at(tensor x, int64_t b, int64_t h, int64_t t) { return x.data + b * x.b + h * x.h + t * x.t; }

INLINE void tile(int rows, int64_t n, int64_t cols, int first, float after, float *state, const float *a, const float *b,
                 const float *c, float *out) {
    vec m[16];
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) m[i] = *(vec *)(state + i * cols);
    for (int64_t t = 0; t < n; t++, a += cols, b += cols, c += cols, out += cols) {
        vec x = *(const vec *)b, even = first ? (vec){0} : *(vec *)out, odd = {0};
#pragma GCC unroll 16
        for (int i = 0; i < rows; i += 2) {
            m[i] += a[i] * x;
            m[i + 1] += a[i + 1] * x;
            even += c[i] * m[i];
            odd += c[i + 1] * m[i + 1];
        }
        *(vec *)out = even + odd;
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) *(vec *)(state + i * cols) = m[i] * after;
}

/* M_t = M_{t-1} + a_t b_t^T and out_t = c_t^T M_t for n steps, then M times `after`. */
INLINE void sweep(int most, const call *c, int64_t n, float after, float *state, const float *a, const float *b,
                  const float *asked, float *out) {
    for (int64_t j = 0; j < c->cols; j += WIDE) {
        int64_t i = 0;
        if (most == 16)
            for (; i + 16 <= c->rows; i += 16)
                tile(16, n, c->cols, i == 0, after, state + i * c->cols + j, a + i, b + j, asked + i, out + j);
        for (; i < c->rows; i += most == 16 ? 8 : 4)
            tile(most == 16 ? 8 : 4, n, c->cols, i == 0, after, state + i * c->cols + j, a + i, b + j,
                 asked + i, out + j);
    }
}

/* Copy n positions from t on, the last first if `turned`. */
INLINE void copy(const call *c, tensor x, int64_t b, int64_t h, int64_t t, int64_t n, int turned, float *to) {
    for (int64_t i = 0; i < n; i++) {
        const float *from = at(x, b, h, turned ? t + n - 1 - i : t + i);
        if (!turned) ask(c, x, from);
        for (int64_t j = 0; j < c->cols; j += WIDE) *(vec *)(to + i * c->cols + j) = load(from + j, c->size - j);
    }
}
