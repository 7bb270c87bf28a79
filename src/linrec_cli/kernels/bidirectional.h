/* LinRec's bidirectional form in float32, forward and backward: one pass over a sequence sums, one asks the sums.

   In the symbols of `bidirectional.py`: the first pass makes n and S, backwards R too; r is multiplied to them once; so
   o, or da, dk and dv, are products of each chunk with them. Nothing is kept: backwards n and S are summed again. */

#include "passes.h"

INLINE void sum_tile(int rows, int64_t n, int64_t cols, float *state, const float *a, const float *b) {
    vec m[16] = {0};
    for (int64_t t = 0; t < n; t++, a += cols, b += cols) {
        vec x = *(const vec *)b;
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++) m[i] += a[i] * x;
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) *(vec *)(state + i * cols) += m[i];
}

INLINE void ask_tile(int rows, int64_t n, int64_t cols, int first, const float *state, const float *c, float *out) {
    vec m[16];
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) m[i] = *(const vec *)(state + i * cols);
    for (int64_t t = 0; t < n; t++, c += cols, out += cols) {
        vec even = first ? (vec){0} : *(vec *)out, odd = {0};
#pragma GCC unroll 16
        for (int i = 0; i < rows; i += 2) {
            even += c[i] * m[i];
            odd += c[i + 1] * m[i + 1];
        }
        *(vec *)out = even + odd;
    }
}

/* Add a b^T of n steps to a state: their sum by itself, then that, which rounds less. */
INLINE void sum_products(const call *c, int64_t n, float *state, const float *a, const float *b) {
    for (int64_t j = 0; j < c->cols; j += WIDE) {
        int64_t i = 0;
        for (; i + MOST_ROWS <= c->rows; i += MOST_ROWS)
            sum_tile(MOST_ROWS, n, c->cols, state + i * c->cols + j, a + i, b + j);
        for (; i < c->rows; i += LEAST_ROWS)
            sum_tile(LEAST_ROWS, n, c->cols, state + i * c->cols + j, a + i, b + j);
    }
}

/* c^T M of n steps. */
INLINE void ask_state(const call *c, int64_t n, const float *state, const float *asked, float *out) {
    for (int64_t j = 0; j < c->cols; j += WIDE) {
        int64_t i = 0;
        for (; i + MOST_ROWS <= c->rows; i += MOST_ROWS)
            ask_tile(MOST_ROWS, n, c->cols, i == 0, state + i * c->cols + j, asked + i, out + j);
        for (; i < c->rows; i += LEAST_ROWS)
            ask_tile(LEAST_ROWS, n, c->cols, i == 0, state + i * c->cols + j, asked + i, out + j);
    }
}

/* Queries to `e`, and divided by their norms, whose inverses stand in `s`, to `a`. */
INLINE void queries(const call *c, room *w, int64_t b, int64_t h, int64_t t, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        const float *q = at(c->q, b, h, t + i);
        vec sum = {0};
        ask(c, c->q, q);
        for (int64_t j = 0; j < c->cols; j += WIDE) {
            vec e = elu(load(q + j, c->size - j));
            *(vec *)(w->e + i * c->cols + j) = e;
            sum += e * e;
        }
        w->s[i] = total(sum);
    }
    inverse_roots(w->s, n, QUERY_EPS);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i * c->cols; j < (i + 1) * c->cols; j += WIDE)
            *(vec *)(w->a + j) = *(vec *)(w->e + j) * w->s[i];
}

/* Keys to `k`; their squares are added to `squares`, [cols], if there is such a place. */
INLINE void keys(const call *c, room *w, int64_t b, int64_t h, int64_t t, int64_t n, float *squares) {
    for (int64_t i = 0; i < n; i++) {
        const float *k = at(c->k, b, h, t + i);
        ask(c, c->k, k);
        for (int64_t j = 0; j < c->cols; j += WIDE) {
            vec key = elu(load(k + j, c->size - j));
            *(vec *)(w->k + i * c->cols + j) = key;
            if (squares) *(vec *)(squares + j) += key * key;
        }
    }
}

/* Sum a chunk by itself, then add it, which rounds less. */
INLINE void norms(const call *c, head *own, room *w, int64_t b, int64_t h, int64_t t, int64_t n) {
    memset(w->r, 0, (size_t)c->cols * sizeof(float));
    keys(c, w, b, h, t, n, w->r);
    for (int64_t j = 0; j < c->cols; j += WIDE) *(vec *)(own->norm + j) += *(vec *)(w->r + j);
}

/* r in the place of n. */
INLINE void invert(const call *c, head *own, int64_t count) {
    inverse_roots(own->norm, c->cols, KEY_EPS);
    float root = 1.0f / sqrtf((float)count);
    for (int64_t j = 0; j < c->cols; j += WIDE) *(vec *)(own->norm + j) *= root;
}

/* r multiplied to S. */
INLINE void settle(const call *c, head *own, int64_t count) {
    invert(c, own, count);
    for (int64_t i = 0; i < c->size; i++)
        for (int64_t j = i * c->cols; j < (i + 1) * c->cols; j += WIDE) *(vec *)(own->state + j) *= own->norm[i];
}

INLINE void gather(const call *c, head *own, room *w, int64_t b, int64_t h, int64_t t, int64_t n) {
    norms(c, own, w, b, h, t, n);
    copy(c, c->v, b, h, t, n, 0, w->v);
    sum_products(c, n, own->state, w->k, w->v);
}

INLINE void answer(const call *c, head *own, room *w, int64_t b, int64_t h, int64_t t, int64_t n) {
    queries(c, w, b, h, t, n);
    ask_state(c, n, own->state, w->a, w->o);
    for (int64_t i = 0; i < n; i++) {
        float *out = at(c->out, b, h, t + i);
        ask_to_write(c, c->out, out);
        for (int64_t j = 0; j < c->cols; j += WIDE) store(out + j, *(vec *)(w->o + i * c->cols + j), c->size - j);
    }
}

/* S and R, transposed both. */
INLINE void gather_both(const call *c, head *own, room *w, int64_t b, int64_t h, int64_t t, int64_t n) {
    norms(c, own, w, b, h, t, n);
    queries(c, w, b, h, t, n);
    copy(c, c->v, b, h, t, n, 0, w->v);
    copy(c, c->g, b, h, t, n, 0, w->g);
    sum_products(c, n, own->state, w->v, w->k);
    sum_products(c, n, own->later, w->g, w->a);
}

/* f to `after`; r multiplied to S and R, and R turned back. */
INLINE void settle_both(const call *c, head *own, int64_t count) {
    invert(c, own, count);
    for (int64_t j = 0; j < c->cols; j += WIDE) {
        vec r = *(vec *)(own->norm + j), sum = {0};
        for (int64_t i = 0; i < c->size; i++) {
            vec *s = (vec *)(own->state + i * c->cols + j), *l = (vec *)(own->later + i * c->cols + j);
            *s *= r;
            sum += *s * *l;
            *l *= r;
        }
        *(vec *)(own->after + j) = sum * (r * r * (float)count);
    }
    for (int64_t i = 0; i < c->size; i++)
        for (int64_t j = 0; j < c->size; j++) own->turned[j * c->cols + i] = own->later[i * c->cols + j];
}

INLINE void differentiate(const call *c, head *own, room *w, int64_t b, int64_t h, int64_t t, int64_t n) {
    keys(c, w, b, h, t, n, NULL);
    queries(c, w, b, h, t, n);
    copy(c, c->v, b, h, t, n, 0, w->v);
    copy(c, c->g, b, h, t, n, 0, w->g);
    ask_state(c, n, own->state, w->g, w->o);
    ask_state(c, n, own->later, w->v, w->x);
    ask_state(c, n, own->turned, w->k, w->r);
    for (int64_t i = 0; i < n; i++) {
        float *dq = at(c->dq, b, h, t + i), *dk = at(c->dk, b, h, t + i), *dv = at(c->dv, b, h, t + i);
        vec sum = {0};
        ask_to_write(c, c->dq, dq);
        ask_to_write(c, c->dk, dk);
        ask_to_write(c, c->dv, dv);
        for (int64_t j = 0; j < c->cols; j += WIDE) {
            int64_t x = i * c->cols + j;
            vec k = *(vec *)(w->k + x);
            sum += *(vec *)(w->o + x) * *(vec *)(w->a + x);
            store(dk + j, (*(vec *)(w->x + x) - k * *(vec *)(own->after + j)) * slope(k), c->size - j);
            store(dv + j, *(vec *)(w->r + x), c->size - j);
        }
        float row = total(sum), s = w->s[i];
        for (int64_t j = 0; j < c->cols; j += WIDE) {
            int64_t x = i * c->cols + j;
            vec d = *(vec *)(w->o + x) - *(vec *)(w->a + x) * row;
            store(dq + j, d * s * slope(*(vec *)(w->e + x)), c->size - j);
        }
    }
}

/* One sequence's share of the heads. Heads take turns at every chunk, so that memory is read as it lies. */
INLINE void bidirectional_forwards(const call *c, int64_t b, int64_t first, int64_t last, head *heads, room *w) {
    int64_t length = real(c, b);
    for (int64_t t = 0; t < length; t += CHUNK)
        for (int64_t h = first; h < last; h++) gather(c, heads + h - first, w, b, h, t, least(CHUNK, length - t));
    for (int64_t h = first; h < last; h++) settle(c, heads + h - first, length);
    for (int64_t t = 0; t < length; t += CHUNK)
        for (int64_t h = first; h < last; h++) answer(c, heads + h - first, w, b, h, t, least(CHUNK, length - t));
}

INLINE void bidirectional_backwards(const call *c, int64_t b, int64_t first, int64_t last, head *heads, room *w) {
    int64_t length = real(c, b);
    for (int64_t t = 0; t < length; t += CHUNK)
        for (int64_t h = first; h < last; h++) gather_both(c, heads + h - first, w, b, h, t, least(CHUNK, length - t));
    for (int64_t h = first; h < last; h++) settle_both(c, heads + h - first, length);
    for (int64_t t = 0; t < length; t += CHUNK)
        for (int64_t h = first; h < last; h++)
            differentiate(c, heads + h - first, w, b, h, t, least(CHUNK, length - t));
}
