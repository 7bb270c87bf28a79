/* LinRec's causal form in float32, forward and backward: a recurrence whose state stays in registers for a chunk.

   `sweep` adds a b^T to a state at each step and gives c^T M. Four of them do everything, in the symbols of `linrec.py`:
   o from (k, v, a); da from (v, k, g), on the state transposed; then backwards in time dv from (a, g, k) and dk from
   (g, a, v). Nothing is kept but a state at every segment's end: a segment is run forwards again, then backwards.
   With a decay, factors of each position grow or shrink by its powers within a chunk, so that sweeps know of none. */

#include "sweeps.h"

/* Queries to `e` and `s`, keys, with the growing powers, to `k`, and the inverse roots of their norms to `r`. */
INLINE void prepare(const call *c, head *own, room *w, int64_t b, int64_t h, int64_t t, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        vec sum = {0};
        const float *q = at(c->q, b, h, t + i), *k = at(c->k, b, h, t + i);
        ask(c, c->q, q);
        ask(c, c->k, k);
        for (int64_t j = 0; j < c->cols; j += WIDE) {
            vec e = elu(load(q + j, c->size - j)), key = elu(load(k + j, c->size - j));
            vec grown = key * own->grown[i], norm = *(vec *)(own->norm + j) + key * grown;
            sum += e * e;
            *(vec *)(own->norm + j) = norm;
            *(vec *)(w->r + i * c->cols + j) = norm * own->left[i];
            *(vec *)(w->e + i * c->cols + j) = e;
            *(vec *)(w->k + i * c->cols + j) = grown;
        }
        w->s[i] = total(sum);
        own->count = own->decay * own->count + 1;
        w->count[i] = (float)own->count;
    }
    for (int64_t i = 0; i < n; i++) w->s[i] = 1.0f / sqrtf(w->count[i] * (w->s[i] + QUERY_EPS));
    for (int64_t j = 0; j < c->cols; j += WIDE) *(vec *)(own->norm + j) *= own->left[n];
    inverse_roots(w->r, n * c->cols, KEY_EPS);
    copy(c, c->v, b, h, t, n, 0, w->v);
}

INLINE void mix(const call *c, head *own, room *w, int64_t b, int64_t h, int64_t t, int64_t n) {
    prepare(c, own, w, b, h, t, n);
    for (int64_t i = 0; i < n; i++) {
        float s = w->s[i] * own->left[i];
        for (int64_t j = i * c->cols; j < (i + 1) * c->cols; j += WIDE)
            *(vec *)(w->a + j) = *(vec *)(w->e + j) * *(vec *)(w->r + j) * s;
    }
    sweep(c, n, own->left[n], own->state, w->k, w->v, w->a, w->o);
    for (int64_t i = 0; i < n; i++) {
        float *out = at(c->out, b, h, t + i);
        ask_to_write(c, c->out, out);
        for (int64_t j = 0; j < c->cols; j += WIDE) store(out + j, *(vec *)(w->o + i * c->cols + j), c->size - j);
    }
}

/* The gradient of queries; p r^2 and a are left in the places of dk and dv for `turn`. */
INLINE void again(const call *c, head *own, room *w, int64_t b, int64_t h, int64_t t, int64_t n) {
    double count = own->count;
    prepare(c, own, w, b, h, t, n);
    copy(c, c->g, b, h, t, n, 0, w->g);
    sweep(c, n, own->left[n], own->turned, w->v, w->k, w->g, w->o);
    for (int64_t i = 0; i < n; i++) {
        float *dq = at(c->dq, b, h, t + i), *dk = at(c->dk, b, h, t + i), *dv = at(c->dv, b, h, t + i), s = w->s[i];
        ask_to_write(c, c->dq, dq);
        ask_to_write(c, c->dk, dk);
        ask_to_write(c, c->dv, dv);
        vec sum = {0}, rest = {0};
        for (int64_t j = 0; j < c->cols; j += WIDE) {
            int64_t x = i * c->cols + j;
            vec r = *(vec *)(w->r + x), d = *(vec *)(w->o + x) * own->left[i] * r, scaled = *(vec *)(w->e + x) * s;
            vec p = d * scaled, pull = p * r * r;
            sum += p;
            rest += pull;
            *(vec *)(w->o + x) = d;
            store(dk + j, pull, c->size - j);
            store(dv + j, scaled * r, c->size - j);
        }
        float row = total(sum), lost = row * w->count[i] * s * s;
        for (int64_t j = 0; j < c->cols; j += WIDE) {
            vec e = *(vec *)(w->e + i * c->cols + j), d = *(vec *)(w->o + i * c->cols + j);
            store(dq + j, (d * s - e * lost) * slope(e), c->size - j);
        }
        if (c->log_decay) {
            own->slope = own->decay * (own->slope + count);
            count = own->decay * count + 1;
            own->ddecay += 0.5 * ((double)(t + i) * (row + KEY_EPS * total(rest)) - row * own->slope / count);
        }
    }
}

/* The gradients of keys and values, from the last position of a chunk to its first. */
INLINE void turn(const call *c, head *own, room *w, int64_t b, int64_t h, int64_t t, int64_t n) {
    copy(c, c->v, b, h, t, n, 1, w->v);
    copy(c, c->g, b, h, t, n, 1, w->g);
    for (int64_t i = 0; i < n; i++) {
        const float *key = at(c->k, b, h, t + n - 1 - i), *a = at(c->dv, b, h, t + n - 1 - i);
        for (int64_t j = 0; j < c->cols; j += WIDE) {
            int64_t x = i * c->cols + j;
            vec k = elu(load(key + j, c->size - j));
            *(vec *)(w->e + x) = k;
            *(vec *)(w->k + x) = k * own->left[i];
            *(vec *)(w->a + x) = load(a + j, c->size - j) * own->grown[i];
        }
    }
    sweep(c, n, own->left[n], own->state, w->a, w->g, w->k, w->o);
    sweep(c, n, own->left[n], own->later, w->g, w->a, w->v, w->x);
    for (int64_t i = 0; i < n; i++) {
        int64_t p = t + n - 1 - i;
        float *dk = at(c->dk, b, h, p), *dv = at(c->dv, b, h, p);
        vec share = {0};
        for (int64_t j = 0; j < c->cols; j += WIDE) {
            int64_t x = i * c->cols + j;
            vec after = *(vec *)(own->after + j) + load(dk + j, c->size - j) * own->grown[i];
            vec k = *(vec *)(w->e + x), f = after * own->left[i], d = *(vec *)(w->x + x) * own->left[i] - 0.5f * k * f;
            *(vec *)(own->after + j) = after;
            share += k * d;
            store(dk + j, (d - 0.5f * k * f) * slope(k), c->size - j);
            store(dv + j, *(vec *)(w->o + x), c->size - j);
        }
        if (c->log_decay) own->ddecay -= (double)p * total(share);
    }
    for (int64_t j = 0; j < c->cols; j += WIDE) *(vec *)(own->after + j) *= own->left[n];
}

/* Keep the norms and the state that enter a segment which is not the first. */
INLINE void keep(const call *c, const head *own, int64_t b, int64_t h, int64_t segment) {
    float *to = at(c->kept, b, h, segment - 1);
    size_t row = (size_t)c->size * sizeof(float);
    memcpy(to, own->norm, row);
    for (int64_t i = 0; i < c->size; i++) memcpy(to + (i + 1) * c->size, own->state + i * c->cols, row);
}

/* Take them back, the state transposed. */
INLINE void recall(const call *c, head *own, int64_t b, int64_t h, int64_t segment) {
    memset(own->norm, 0, (size_t)c->cols * sizeof(float));
    memset(own->turned, 0, (size_t)(c->rows * c->cols) * sizeof(float));
    own->count = c->counts[2 * (h * c->segments + segment)];
    own->slope = c->counts[2 * (h * c->segments + segment) + 1];
    if (segment == 0) return;
    const float *from = at(c->kept, b, h, segment - 1);
    memcpy(own->norm, from, (size_t)c->size * sizeof(float));
    for (int64_t i = 0; i < c->size; i++)
        for (int64_t j = 0; j < c->size; j++) own->turned[j * c->cols + i] = from[(i + 1) * c->size + j];
}

/* One sequence's share of the heads. Heads take turns at every chunk, so that memory is read as it lies. */
INLINE void forwards(const call *c, int64_t b, int64_t first, int64_t last, head *heads, room *w) {
    int64_t length = real(c, b);
    for (int64_t t = 0; t < length; t += CHUNK)
        for (int64_t h = first; h < last; h++) {
            head *own = heads + h - first;
            int64_t end = least(t + CHUNK, length);
            if (c->kept.data && t && t % c->segment == 0) keep(c, own, b, h, t / c->segment);
            for (int64_t s = t; s < end; s += own->steps) mix(c, own, w, b, h, s, least(own->steps, end - s));
        }
}

INLINE void backwards(const call *c, int64_t b, int64_t first, int64_t last, head *heads, room *w) {
    int64_t length = real(c, b);
    for (int64_t segment = (length - 1) / c->segment; length && segment >= 0; segment--) {
        int64_t start = segment * c->segment, end = least(start + c->segment, length);
        for (int64_t h = first; h < last; h++) recall(c, heads + h - first, b, h, segment);
        for (int64_t t = start; t < end; t += CHUNK)
            for (int64_t h = first; h < last; h++) {
                head *own = heads + h - first;
                for (int64_t s = t; s < least(t + CHUNK, end); s += own->steps)
                    again(c, own, w, b, h, s, least(own->steps, least(t + CHUNK, end) - s));
            }
        for (int64_t t = start + (end - start - 1) / CHUNK * CHUNK; t >= start; t -= CHUNK)
            for (int64_t h = first; h < last; h++) {
                head *own = heads + h - first;
                for (int64_t s = least(t + CHUNK, end); s > t; s -= own->steps)
                    turn(c, own, w, b, h, s - least(own->steps, s - t), least(own->steps, s - t));
            }
    }
}
