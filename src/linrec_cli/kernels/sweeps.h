/* The one loop in which nearly all of the causal form is computed, and how rows are read. */

#include "vectors.h"

/* Rows of a state that are held in registers, where there are as many, and where not. */
#define MOST_ROWS (WIDE == 16 ? 16 : 8)
#define LEAST_ROWS (WIDE == 4 ? 4 : 8)

#define LINE 16
/* Ask for the row that will be wanted a chunk later, line by line; past the end of memory that does nothing. */
INLINE void ask(const call *c, tensor x, const float *row) {
    for (int64_t j = 0; j < c->size; j += LINE) __builtin_prefetch(row + CHUNK * x.t + j, 0, 2);
}

INLINE void ask_to_write(const call *c, tensor x, const float *row) {
    for (int64_t j = 0; j < c->size; j += LINE) __builtin_prefetch(row + CHUNK * x.t + j, 1, 2);
}

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
INLINE void sweep(const call *c, int64_t n, float after, float *state, const float *a, const float *b,
                  const float *asked, float *out) {
    for (int64_t j = 0; j < c->cols; j += WIDE) {
        int64_t i = 0;
        for (; i + MOST_ROWS <= c->rows; i += MOST_ROWS)
            tile(MOST_ROWS, n, c->cols, i == 0, after, state + i * c->cols + j, a + i, b + j, asked + i, out + j);
        for (; i < c->rows; i += LEAST_ROWS)
            tile(LEAST_ROWS, n, c->cols, i == 0, after, state + i * c->cols + j, a + i, b + j, asked + i, out + j);
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
