"""LinRec's bidirectional form in Triton: all keys' state and norm are known, so that positions need no order."""

# Triton has no types, and a kernel's arguments are none of Python's.
# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"

import triton  # type: ignore[import, unused-ignore]
import triton.language as tl  # type: ignore[import, unused-ignore]

from linrec_cli.kernels._triton_parts import (
    KEY_EPS,
    QUERY_EPS,
    added,
    elu,
    entering,
    leaving,
    load,
    mine,
    of_queries,
    product,
    segment,
    slope,
    store,
)  # fmt: skip


@triton.jit
def known(lengths, states, norms, heads, SIZE: tl.constexpr, WIDTH: tl.constexpr):
    """Read the state and the norm of all keys, and how many they are, at least one."""
    row = tl.program_id(0).to(tl.int64)
    state, norm = entering(states, norms, row, 1, 1, SIZE, WIDTH)
    return state, norm, tl.maximum(tl.load(lengths + row // heads), 1).to(tl.float32)


@triton.jit
def asking(q, start, length, r, count, SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr,
           EXACT: tl.constexpr):  # fmt: skip
    """Read queries; return them scaled, and their own scales."""
    e = elu(load(q, start, length, SIZE, CHUNK, WIDTH), EXACT)
    s = tl.rsqrt(count * (tl.sum(e * e, 1) + QUERY_EPS))
    return e * s[:, None] * r, s


@triton.jit(do_not_specialize=["heads", "length", "span"])
def answer(
    q, out, lengths, states, norms, q_at, out_at, heads, length, span,
    SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr, EXACT: tl.constexpr,
):  # fmt: skip
    """Mix the values of one segment of a sequence and head."""
    kind: tl.constexpr = q.dtype.element_ty
    first, end = segment(tl.program_id(1), span, length, CHUNK)
    state, norm, count = known(lengths, states, norms, heads, SIZE, WIDTH)
    state, r = state.to(kind), tl.rsqrt(norm + KEY_EPS)[None, :]
    q, out = mine(q, q_at, heads), mine(out, out_at, heads)
    for c in range(first, end):
        a, _ = asking(q, c * CHUNK, length, r, count, SIZE, CHUNK, WIDTH, EXACT)
        store(out, c * CHUNK, length, product(a, state, kind, EXACT), SIZE, CHUNK, WIDTH)


@triton.jit(do_not_specialize=["heads", "length", "span"])
def ask_gradients(
    q, g, dq, lengths, states, norms, entries, entry_norms, q_at, g_at, dq_at, heads, length, span,
    SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr, EXACT: tl.constexpr,
):  # fmt: skip
    """Compute the gradients of one segment's queries, and what they add to those of the state and of the norm.

    What is written of the norm's is its gradient times -2.
    """
    kind: tl.constexpr = q.dtype.element_ty
    first, end = segment(tl.program_id(1), span, length, CHUNK)
    state, norm, count = known(lengths, states, norms, heads, SIZE, WIDTH)
    state, r = state.to(kind), tl.rsqrt(norm + KEY_EPS)[None, :]
    q, g, dq = mine(q, q_at, heads), mine(g, g_at, heads), mine(dq, dq_at, heads)
    later, after = tl.zeros([WIDTH, WIDTH], tl.float32), tl.zeros([WIDTH], tl.float32)
    for c in range(first, end):
        start = c * CHUNK
        grad = load(g, start, length, SIZE, CHUNK, WIDTH)
        a, s = asking(q, start, length, r, count, SIZE, CHUNK, WIDTH, EXACT)
        da = product(grad, tl.trans(state), kind, EXACT)
        p = da * a
        of_queries(q, dq, start, length, da, p, r, s, count, SIZE, CHUNK, WIDTH, EXACT)
        after += tl.sum(p * r * r, 0)
        later = added(later, tl.trans(a), grad, kind, EXACT)
    row = tl.program_id(0).to(tl.int64)
    leaving(entries, entry_norms, row, tl.program_id(1), tl.num_programs(1), later, after, SIZE, WIDTH)


@triton.jit(do_not_specialize=["heads", "length", "span"])
def key_gradients(
    k, v, dk, dv, lengths, states, norms, k_at, v_at, dk_at, dv_at, heads, length, span,
    SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr, EXACT: tl.constexpr,
):  # fmt: skip
    """Compute the gradients of one segment's keys and values, zero for padding, from those of the state and norm."""
    kind: tl.constexpr = k.dtype.element_ty
    first, end = segment(tl.program_id(1), span, length, CHUNK)
    later, after, _ = known(lengths, states, norms, heads, SIZE, WIDTH)
    later, real = later.to(kind), tl.minimum(tl.load(lengths + tl.program_id(0) // heads), length)
    k, v, dk, dv = mine(k, k_at, heads), mine(v, v_at, heads), mine(dk, dk_at, heads), mine(dv, dv_at, heads)
    for c in range(first, end):
        start = c * CHUNK
        key = elu(load(k, start, real, SIZE, CHUNK, WIDTH), EXACT)
        value = load(v, start, real, SIZE, CHUNK, WIDTH)
        store(dv, start, length, product(key, later, kind, EXACT), SIZE, CHUNK, WIDTH)
        db = product(value, tl.trans(later), kind, EXACT) - key * after[None, :]
        store(dk, start, length, db * slope(key), SIZE, CHUNK, WIDTH)
