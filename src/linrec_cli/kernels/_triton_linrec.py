"""LinRec's causal form in Triton: a program for each sequence and head, chunks in a loop, the state in float32."""

# Triton has no types, and a kernel's arguments are none of Python's.
# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"

import triton  # type: ignore[import, unused-ignore]
import triton.language as tl  # type: ignore[import, unused-ignore]

from linrec_cli.kernels._triton_parts import (
    KEY_EPS,
    added,
    counting,
    elu,
    faded,
    fading,
    keeping,
    load,
    mine,
    product,
    scaled,
    slope,
    store,
    store_turned,
    summed,
    within,
)  # fmt: skip


@triton.jit(do_not_specialize=["heads", "length"])
def fill(
    q, k, v, out, log_decay, states, norms, counts, q_at, k_at, v_at, out_at, heads, length,
    SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr, DECAY: tl.constexpr, KEEP: tl.constexpr,
    EXACT: tl.constexpr, SUMS: tl.constexpr,
):  # fmt: skip
    """Mix the values of one sequence and head; keep what is known before each chunk but the first.

    `states` are of keys' features by values', `norms` by keys' features, `counts` the count and its derivative.
    """
    kind: tl.constexpr = q.dtype.element_ty
    row, h = tl.program_id(0).to(tl.int64), tl.program_id(0) % heads
    last = tl.cdiv(length, CHUNK) - 1
    log, since, until, whole = fading(log_decay, h, CHUNK, DECAY)
    q, k, v, out = mine(q, q_at, heads), mine(k, k_at, heads), mine(v, v_at, heads), mine(out, out_at, heads)
    state, norm = tl.zeros([WIDTH, WIDTH], tl.float32), tl.zeros([WIDTH], tl.float32)
    count, growth = tl.full([], 0.0, tl.float32), tl.full([], 0.0, tl.float32)
    for c in range(last + 1):
        value = load(v, c * CHUNK, length, SIZE, CHUNK, WIDTH)
        if KEEP:
            d, there, dd, both = keeping(row, last, c, SIZE, WIDTH)
            tl.store(norms + d, norm, mask=there)
            tl.store(states + dd, state.to(kind), mask=both)
            if DECAY:
                at = 2 * (row * (last + 1) + c)
                tl.store(counts + at, count)
                tl.store(counts + at + 1, growth)
        a, key, _, _, _ = scaled(
            q, k, c * CHUNK, length, norm, count, since, log, SIZE, CHUNK, WIDTH, DECAY, EXACT, SUMS
        )
        weights = within(product(a, tl.trans(key), kind, EXACT), log, False, CHUNK, DECAY)
        mixed = added(product(weights, value, kind, EXACT), faded(a, since, DECAY), state, kind, EXACT)
        store(out, c * CHUNK, length, mixed, SIZE, CHUNK, WIDTH)
        state = added(state * whole, tl.trans(faded(key, until, DECAY)), value, kind, EXACT)
        norm = norm * whole + tl.sum(key * faded(key, until, DECAY), 0)
        if DECAY:
            growth = whole * (growth + CHUNK * count) + tl.sum(until * (CHUNK - 1 - tl.arange(0, CHUNK)), 0)
            count = count * whole + tl.sum(until, 0)
        else:
            count += CHUNK


@triton.jit
def of_decay(given, p, taken, counted, count, growth, since, log, CHUNK: tl.constexpr):
    """Sum what a chunk adds to the gradient of the log-decay, but for what passes its start.

    A pair adds its share as often as it is steps apart: `t` times what position `t` is given, minus `s` times what it
    gives as a key, from the chunk's start on. The gradient of the count is `-given / (2 counted)`.
    """
    i = tl.arange(0, CHUNK)
    back = (i[:, None] - i[None, :]).to(tl.float32)
    grown = since * (growth + (i + 1) * count) + tl.sum(within(back, log, False, CHUNK, True), 1)
    share = (given + KEY_EPS * tl.sum(p, 1)) / 2 - taken
    return tl.sum(share * i - given / (2 * counted) * grown, 0)


@triton.jit
def of_queries(
    q, v, g, dq, start, length, da, a, key, r, s, counted, log,
    SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr, DECAY: tl.constexpr, EXACT: tl.constexpr,
):  # fmt: skip
    """Write the gradient of the queries; return the sums of `p`, and `p` times the squared inverse norms."""
    kind: tl.constexpr = g[0].dtype.element_ty
    value, grad = load(v, start, length, SIZE, CHUNK, WIDTH), load(g, start, length, SIZE, CHUNK, WIDTH)
    pull = within(product(grad, tl.trans(value), kind, EXACT), log, False, CHUNK, DECAY)
    da = added(da, pull, key, kind, EXACT)
    p = da * a
    given = tl.sum(p, 1)
    e = elu(load(q, start, length, SIZE, CHUNK, WIDTH), EXACT)
    da = s[:, None] * (da * r - e * (given * counted * s)[:, None])
    store(dq, start, length, da * slope(e), SIZE, CHUNK, WIDTH)
    return given, p * r * r


@triton.jit
def of_values(
    k, g, dv, start, length, a, later, until, log,
    SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr, DECAY: tl.constexpr, EXACT: tl.constexpr,
):  # fmt: skip
    """Write the gradient of the values, turned throughout."""
    kind: tl.constexpr = g[0].dtype.element_ty
    key = elu(load(k, start, length, SIZE, CHUNK, WIDTH), EXACT)
    grad = load(g, start, length, SIZE, CHUNK, WIDTH)
    weights = within(product(a, tl.trans(key), kind, EXACT), log, False, CHUNK, DECAY)
    dw = product(tl.trans(grad), weights, kind, EXACT)
    dw = added(dw, later, tl.trans(faded(key, until, DECAY)), kind, EXACT)
    store_turned(dv, start, length, dw, SIZE, CHUNK, WIDTH)


@triton.jit
def of_keys(
    k, v, g, dk, start, length, a, sums, later, until, log,
    SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr, DECAY: tl.constexpr, EXACT: tl.constexpr,
):  # fmt: skip
    """Write the gradient of the keys; return what each gives, all in all."""
    kind: tl.constexpr = g[0].dtype.element_ty
    key = elu(load(k, start, length, SIZE, CHUNK, WIDTH), EXACT)
    half = key * sums / 2
    value, grad = load(v, start, length, SIZE, CHUNK, WIDTH), load(g, start, length, SIZE, CHUNK, WIDTH)
    pull = within(product(value, tl.trans(grad), kind, EXACT), log, True, CHUNK, DECAY)
    db = product(pull, a, kind, EXACT)
    db = added(db, faded(value, until, DECAY), later, kind, EXACT) - half
    store(dk, start, length, (db - half) * slope(key), SIZE, CHUNK, WIDTH)
    return tl.sum(key * db, 1)


@triton.jit(do_not_specialize=["heads", "length"])
def fill_gradients(
    q, k, v, g, dq, dk, dv, log_decay, states, norms, counts, decays, q_at, k_at, v_at, g_at, dq_at, dk_at, dv_at,
    heads, length, SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr, DECAY: tl.constexpr,
    EXACT: tl.constexpr, SUMS: tl.constexpr,
):  # fmt: skip
    """Compute the gradients of one sequence and head, from the last chunk on, by the formulas of the plain form.

    No product is turned on its way into another, where some compilers err: `later`, the state's gradient, is turned.
    """
    kind: tl.constexpr = q.dtype.element_ty
    row, last = tl.program_id(0).to(tl.int64), tl.cdiv(length, CHUNK) - 1
    log, since, until, whole = fading(log_decay, tl.program_id(0) % heads, CHUNK, DECAY)
    q, k, v, g = mine(q, q_at, heads), mine(k, k_at, heads), mine(v, v_at, heads), mine(g, g_at, heads)
    dq, dk, dv = mine(dq, dq_at, heads), mine(dk, dk_at, heads), mine(dv, dv_at, heads)
    later, after, decay = tl.zeros([WIDTH, WIDTH], tl.float32), tl.zeros([WIDTH], tl.float32), 0.0
    for behind in range(last + 1):
        c, start = last - behind, (last - behind) * CHUNK
        d, there, dd, both = keeping(row, last, c, SIZE, WIDTH)
        norm = tl.load(norms + d, mask=there, other=0.0)
        count, growth = counting(counts, row, last, c, CHUNK, DECAY)
        grad = load(g, start, length, SIZE, CHUNK, WIDTH)
        state = tl.load(states + dd, mask=both, other=0.0)
        da = product(faded(grad, since, DECAY), tl.trans(state), kind, EXACT)
        a, key, s, r, counted = scaled(
            q, k, start, length, norm, count, since, log, SIZE, CHUNK, WIDTH, DECAY, EXACT, SUMS
        )
        given, p = of_queries(
            q, v, g, dq, start, length, da, a, key, r, s, counted, log, SIZE, CHUNK, WIDTH, DECAY, EXACT
        )
        of_values(k, g, dv, start, length, a, later, until, log, SIZE, CHUNK, WIDTH, DECAY, EXACT)
        sums = summed(p, after, until, log, True, CHUNK, DECAY, SUMS)
        after = after * whole + tl.sum(faded(p, since, DECAY), 0)
        taken = of_keys(k, v, g, dk, start, length, a, sums, later, until, log, SIZE, CHUNK, WIDTH, DECAY, EXACT)
        grad = load(g, start, length, SIZE, CHUNK, WIDTH)
        later = added(later * whole, tl.trans(faded(grad, since, DECAY)), a, kind, EXACT)
        if DECAY:
            decay += of_decay(given, p, taken, counted, count, growth, since, log, CHUNK)
            state = tl.load(states + dd, mask=both, other=0.0)
            decay += CHUNK * (tl.sum(tl.trans(state) * later) - tl.sum(norm * after) / 2)
    tl.store(decays + row, decay)
