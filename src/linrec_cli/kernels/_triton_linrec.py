"""LinRec's causal form in Triton: a program for each segment and head, chunks in a loop, the state in float32."""

# Triton has no types, and a kernel's arguments are none of Python's.
# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"

import triton  # type: ignore[import, unused-ignore]
import triton.language as tl  # type: ignore[import, unused-ignore]

from linrec_cli.kernels._triton_parts import (
    KEY_EPS,
    added,
    advanced,
    counted_to,
    counting,
    elu,
    entering,
    faded,
    fading,
    keeping,
    leaving,
    load,
    mine,
    of_queries,
    product,
    scaled,
    segment,
    slope,
    store,
    store_turned,
    summed,
    within,
)  # fmt: skip


@triton.jit(do_not_specialize=["heads", "length", "span"])
def gather(
    k, v, log_decay, lengths, states, norms, k_at, v_at, heads, length, span,
    SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr, DECAY: tl.constexpr, EXACT: tl.constexpr,
):  # fmt: skip
    """Sum one segment's keys and values, `lengths` of them in all if given, into the state and norm that it leaves."""
    kind: tl.constexpr = k.dtype.element_ty
    row, number = tl.program_id(0).to(tl.int64), tl.program_id(1)
    if lengths is not None:
        length = tl.minimum(tl.load(lengths + row // heads), length).to(tl.int32)
    first, end = segment(number, span, length, CHUNK)
    _, _, until, whole = fading(log_decay, tl.program_id(0) % heads, CHUNK, DECAY)
    k, v = mine(k, k_at, heads), mine(v, v_at, heads)
    state, norm = tl.zeros([WIDTH, WIDTH], tl.float32), tl.zeros([WIDTH], tl.float32)
    for c in range(first, end):
        value = load(v, c * CHUNK, length, SIZE, CHUNK, WIDTH)
        key = elu(load(k, c * CHUNK, length, SIZE, CHUNK, WIDTH), EXACT)
        state, norm = advanced(state, norm, key, value, until, whole, kind, EXACT, DECAY)
    leaving(states, norms, row, number, tl.num_programs(1), state, norm, SIZE, WIDTH)


@triton.jit(do_not_specialize=["heads", "slots", "steps"])
def carry(log_decay, states, norms, heads, slots, steps, SIZE: tl.constexpr, WIDTH: tl.constexpr, DECAY: tl.constexpr):
    """Add to what each segment of `steps` positions leaves what is left of those before it."""
    row, left = tl.program_id(0).to(tl.int64), 1.0
    if DECAY:
        left = tl.exp(tl.load(log_decay + tl.program_id(0) % heads) * steps)
    state, norm = tl.zeros([WIDTH, WIDTH], tl.float32), tl.zeros([WIDTH], tl.float32)
    for number in range(slots):
        own, more = entering(states, norms, row, number + 1, slots, SIZE, WIDTH)
        state, norm = state * left + own, norm * left + more
        leaving(states, norms, row, number, slots, state, norm, SIZE, WIDTH)


@triton.jit(do_not_specialize=["heads", "length", "span"])
def fill(
    q, k, v, out, log_decay, states, norms, counts, entries, entry_norms, q_at, k_at, v_at, out_at, heads, length, span,
    SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr, DECAY: tl.constexpr, KEEP: tl.constexpr,
    EXACT: tl.constexpr, SUMS: tl.constexpr,
):  # fmt: skip
    """Mix the values of one segment of a sequence and head; keep what is known before each chunk but the first.

    `states` are of keys' features by values', `norms` by keys' features, `counts` the count and its derivative.
    """
    kind: tl.constexpr = q.dtype.element_ty
    row, h, last = tl.program_id(0).to(tl.int64), tl.program_id(0) % heads, tl.cdiv(length, CHUNK) - 1
    first, end = segment(tl.program_id(1), span, length, CHUNK)
    log, since, until, whole = fading(log_decay, h, CHUNK, DECAY)
    q, k, v, out = mine(q, q_at, heads), mine(k, k_at, heads), mine(v, v_at, heads), mine(out, out_at, heads)
    state, norm = entering(entries, entry_norms, row, tl.program_id(1), tl.num_programs(1) - 1, SIZE, WIDTH)
    count, growth = counted_to(log, first * CHUNK, DECAY)
    for c in range(first, end):
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
        state, norm = advanced(state, norm, key, value, until, whole, kind, EXACT, DECAY)
        if DECAY:
            growth = whole * (growth + CHUNK * count) + tl.sum(until * (CHUNK - 1 - tl.arange(0, CHUNK)), 0)
            count = count * whole + tl.sum(until, 0)
        else:
            count += CHUNK


@triton.jit
def of_decay(given, share, counted, count, growth, since, log, CHUNK: tl.constexpr):
    """Sum what a chunk adds to the gradient of the log-decay, but for what passes its start.

    A pair adds its share as often as it is steps apart: `t` times what position `t` is given, minus `s` times what it
    gives as a key, from the chunk's start on; `share` is the one less the other. The gradient of the count is
    `-given / (2 counted)`.
    """
    i = tl.arange(0, CHUNK)
    back = (i[:, None] - i[None, :]).to(tl.float32)
    grown = since * (growth + (i + 1) * count) + tl.sum(within(back, log, False, CHUNK, True), 1)
    return tl.sum(share * i - given / (2 * counted) * grown, 0)


@triton.jit
def across(states, norm, later, after, row, last, c, SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr):
    """Sum what passes the start of a chunk to that gradient."""
    _, _, dd, both = keeping(row, last, c, SIZE, WIDTH)
    state = tl.load(states + dd, mask=both, other=0.0)
    return CHUNK * (tl.sum(tl.trans(state) * later) - tl.sum(norm * after) / 2)


@triton.jit
def asked(
    q, k, v, g, states, norms, counts, row, last, c, length, since, log, SIZE: tl.constexpr, CHUNK: tl.constexpr,
    WIDTH: tl.constexpr, DECAY: tl.constexpr, EXACT: tl.constexpr, SUMS: tl.constexpr,
):  # fmt: skip
    """Return scaled queries, their gradient, what the norms are given, by position and in all, and what scales them.

    Then norm and counts before the chunk.
    """
    kind: tl.constexpr = g[0].dtype.element_ty
    d, there, dd, both = keeping(row, last, c, SIZE, WIDTH)
    norm = tl.load(norms + d, mask=there, other=0.0)
    count, growth = counting(counts, row, last, c, CHUNK, DECAY)
    grad = load(g, c * CHUNK, length, SIZE, CHUNK, WIDTH)
    state = tl.load(states + dd, mask=both, other=0.0)
    da = product(faded(grad, since, DECAY), tl.trans(state), kind, EXACT)
    a, key, s, r, counted = scaled(
        q, k, c * CHUNK, length, norm, count, since, log, SIZE, CHUNK, WIDTH, DECAY, EXACT, SUMS
    )
    value, grad = load(v, c * CHUNK, length, SIZE, CHUNK, WIDTH), load(g, c * CHUNK, length, SIZE, CHUNK, WIDTH)
    pull = within(product(grad, tl.trans(value), kind, EXACT), log, False, CHUNK, DECAY)
    da = added(da, pull, key, kind, EXACT)
    p = da * a * r * r
    # Summed here already, so that nothing of it need be held meanwhile.
    return a, da, p, tl.sum(faded(p, since, DECAY), 0), s, r, counted, norm, count, growth


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


@triton.jit
def of_inputs(
    q, k, v, g, dq, dk, dv, start, length, a, da, p, s, r, counted, later, after, until, log, SIZE: tl.constexpr,
    CHUNK: tl.constexpr, WIDTH: tl.constexpr, DECAY: tl.constexpr, EXACT: tl.constexpr, SUMS: tl.constexpr,
):  # fmt: skip
    """Write all gradients of a chunk; return what its queries are given, and half of it less what its keys give."""
    given = of_queries(q, dq, start, length, da, da * a, r, s, counted, SIZE, CHUNK, WIDTH, EXACT)
    half = (given + KEY_EPS * tl.sum(p, 1)) / 2
    of_values(k, g, dv, start, length, a, later, until, log, SIZE, CHUNK, WIDTH, DECAY, EXACT)
    sums = summed(p, after, until, log, True, CHUNK, DECAY, SUMS)
    taken = of_keys(k, v, g, dk, start, length, a, sums, later, until, log, SIZE, CHUNK, WIDTH, DECAY, EXACT)
    return given, half - taken


@triton.jit(do_not_specialize=["heads", "length", "span"])
def fill_gradients(
    q, k, v, g, dq, dk, dv, log_decay, states, norms, counts, entries, entry_norms, decays, q_at, k_at, v_at, g_at,
    dq_at, dk_at, dv_at, heads, length, span, SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr,
    DECAY: tl.constexpr, EXACT: tl.constexpr, SUMS: tl.constexpr, GATHER: tl.constexpr,
):  # fmt: skip
    """Compute the gradients of one segment, from its last chunk on, by the formulas of the plain form.

    Segments are numbered from the last on. To `GATHER` is to write what a segment leaves to those before it alone.
    No product is turned on its way into another, where some compilers err: `later`, the state's gradient, is turned.
    """
    kind: tl.constexpr = q.dtype.element_ty
    row, last, number = tl.program_id(0).to(tl.int64), tl.cdiv(length, CHUNK) - 1, tl.program_id(1)
    first, end = segment(last // span - number, span, length, CHUNK)
    log, since, until, whole = fading(log_decay, tl.program_id(0) % heads, CHUNK, DECAY)
    q, k, v, g = mine(q, q_at, heads), mine(k, k_at, heads), mine(v, v_at, heads), mine(g, g_at, heads)
    dq, dk, dv = mine(dq, dq_at, heads), mine(dk, dk_at, heads), mine(dv, dv_at, heads)
    later, after, decay = tl.zeros([WIDTH, WIDTH], tl.float32), tl.zeros([WIDTH], tl.float32), 0.0
    if not GATHER:
        later, after = entering(entries, entry_norms, row, number, tl.num_programs(1) - 1, SIZE, WIDTH)
    for behind in range(end - first):
        c, start = end - 1 - behind, (end - 1 - behind) * CHUNK
        a, da, p, more, s, r, counted, norm, count, growth = asked(
            q, k, v, g, states, norms, counts, row, last, c, length, since, log, SIZE, CHUNK, WIDTH, DECAY, EXACT, SUMS
        )
        if not GATHER:
            given, share = of_inputs(
                q, k, v, g, dq, dk, dv, start, length, a, da, p, s, r, counted, later, after, until, log,
                SIZE, CHUNK, WIDTH, DECAY, EXACT, SUMS,
            )  # fmt: skip
        after = after * whole + more
        grad = load(g, start, length, SIZE, CHUNK, WIDTH)
        later = added(later * whole, tl.trans(faded(grad, since, DECAY)), a, kind, EXACT)
        if DECAY and not GATHER:
            decay += of_decay(given, share, counted, count, growth, since, log, CHUNK)
            decay += across(states, norm, later, after, row, last, c, SIZE, CHUNK, WIDTH)
    if GATHER:
        leaving(entries, entry_norms, row, number, tl.num_programs(1), later, after, SIZE, WIDTH)
    else:
        tl.store(decays + row * tl.num_programs(1) + number, decay)
