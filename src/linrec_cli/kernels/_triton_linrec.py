"""LinRec's causal form in Triton: a program for each sequence and head, chunks in a loop, the state in float32."""

# Triton has no types, and a kernel's arguments are none of Python's.
# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"

import triton  # type: ignore[import, unused-ignore]
import triton.language as tl  # type: ignore[import, unused-ignore]

# A kernel reads from outside only what says that it never changes.
QUERY_EPS = tl.constexpr(1e-12)
KEY_EPS = tl.constexpr(1e-3)


@triton.jit
def elu(x, EXACT: tl.constexpr):
    """Compute `exp(x) - 1` where `x` is negative: as a series near zero, where the difference lacks float32's digits."""
    x = x.to(tl.float32)
    y = tl.exp(x) - 1
    if EXACT != "tf32":
        near = x * (1 + x * (0.5 + x * (1 / 6 + x * (1 / 24 + x * (1 / 120 + x * (1 / 720))))))
        y = tl.where(x > -0.25, near, y)
    return tl.where(x > 0, x, y)


@triton.jit
def slope(y):
    """Compute the derivative of `y = elu(x)` by `x`."""
    return tl.where(y > 0, 1.0, y + 1)


@triton.jit
def product(x, y, KIND: tl.constexpr, EXACT: tl.constexpr):
    """Multiply matrices, both taken in the type `KIND`, in float32."""
    return tl.dot(x.to(KIND), y.to(KIND), input_precision=EXACT)


@triton.jit
def added(total, x, y, KIND: tl.constexpr, EXACT: tl.constexpr):
    """Add such a product to a total."""
    return tl.dot(x.to(KIND), y.to(KIND), acc=total, input_precision=EXACT)


@triton.jit
def mine(x, strides, heads):
    """Find the sequence and head of this program in `[B, H, T, D]`."""
    b, h = tl.program_id(0) // heads, tl.program_id(0) % heads
    return x + b.to(tl.int64) * strides[0] + h.to(tl.int64) * strides[1]


@triton.jit
def tile(x, strides, start, length, i, d, SIZE: tl.constexpr, WIDTH: tl.constexpr):
    """Say where the positions `i` from `start` on and the features `d` lie, and which of them are there."""
    there = start + i < length
    if SIZE < WIDTH:
        there &= d < SIZE
    return x + tl.cast(start, tl.int64) * strides[2] + i * strides[2] + d, there


@triton.jit
def load(x, strides, start, length, SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr):
    """Read a chunk `[CHUNK, WIDTH]`, zero where there is nothing."""
    where, there = tile(x, strides, start, length, tl.arange(0, CHUNK)[:, None], tl.arange(0, WIDTH)[None, :], SIZE, WIDTH)
    return tl.load(where, mask=there, other=0.0)


@triton.jit
def store(x, strides, start, length, y, SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr):
    """Write a chunk, what is there of it."""
    where, there = tile(x, strides, start, length, tl.arange(0, CHUNK)[:, None], tl.arange(0, WIDTH)[None, :], SIZE, WIDTH)
    tl.store(where, y.to(x.dtype.element_ty), mask=there)


@triton.jit
def store_turned(x, strides, start, length, y, SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr):
    """Write a chunk given as `[WIDTH, CHUNK]`."""
    where, there = tile(x, strides, start, length, tl.arange(0, CHUNK)[None, :], tl.arange(0, WIDTH)[:, None], SIZE, WIDTH)
    tl.store(where, y.to(x.dtype.element_ty), mask=there)


@triton.jit
def keeping(row, last, c, SIZE: tl.constexpr, WIDTH: tl.constexpr):
    """Say where norm and state before a chunk are kept, and which of them are there: none before the first."""
    at, d = row * last + c - 1, tl.arange(0, WIDTH)
    # The interpreter makes numbers of conditions joined with that of a scalar.
    there = (d < SIZE) & (d < SIZE * c)
    return at * SIZE + d, there, (at * SIZE + d[:, None]) * SIZE + d[None, :], there[:, None] & there[None, :]


@triton.jit
def fading(log_decay, h, CHUNK: tl.constexpr, DECAY: tl.constexpr):
    """Read the log-decay, and compute what is left since a chunk's start, until its end, and of the whole."""
    if DECAY:
        i, log = tl.arange(0, CHUNK), tl.load(log_decay + h)
        return log, tl.exp(log * (i + 1)), tl.exp(log * (CHUNK - 1 - i)), tl.exp(log * CHUNK)
    else:  # noqa: RET505
        return 0.0, 0.0, 0.0, 1.0


@triton.jit
def faded(x, by, DECAY: tl.constexpr):
    """Multiply positions by what is left of them, unless nothing fades."""
    if DECAY:
        x *= by[:, None]
    return x


@triton.jit
def within(x, log, TURNED: tl.constexpr, CHUNK: tl.constexpr, DECAY: tl.constexpr):
    """Multiply by what is left from position to later position of a chunk, nothing for earlier ones."""
    i = tl.arange(0, CHUNK)
    back = i[None, :] - i[:, None] if TURNED else i[:, None] - i[None, :]
    if DECAY:
        x *= tl.exp(log * tl.maximum(back, 0))
    return tl.where(back < 0, 0.0, x)


@triton.jit
def summed(x, before, fade, log, REVERSE: tl.constexpr, CHUNK: tl.constexpr, DECAY: tl.constexpr, SUMS: tl.constexpr):
    """Sum the positions up to each, `[CHUNK, WIDTH]`, and what is left of the sum before them; or from each on."""
    if DECAY:
        one = within(tl.full([CHUNK, CHUNK], 1.0, tl.float32), log, REVERSE, CHUNK, DECAY)
        return added(before[None, :] * fade[:, None], one, x, tl.float32, SUMS)
    else:  # noqa: RET505
        return before[None, :] + tl.cumsum(x, 0, REVERSE)


@triton.jit
def scales(e, key, norm, count, since, log, CHUNK: tl.constexpr, DECAY: tl.constexpr, SUMS: tl.constexpr):
    """Compute what the queries `e` are multiplied by, `[CHUNK]` and by feature, and the counts."""
    n = summed(key * key, norm, since, log, False, CHUNK, DECAY, SUMS)
    if DECAY:
        one = within(tl.full([CHUNK, CHUNK], 1.0, tl.float32), log, False, CHUNK, DECAY)
        count = count * since + tl.sum(one, 1)
    else:
        count += 1 + tl.arange(0, CHUNK)
    return tl.rsqrt(count * (tl.sum(e * e, 1) + QUERY_EPS)), tl.rsqrt(n + KEY_EPS), count


@triton.jit
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
        e = elu(load(q, q_at, c * CHUNK, length, SIZE, CHUNK, WIDTH), EXACT)
        key = elu(load(k, k_at, c * CHUNK, length, SIZE, CHUNK, WIDTH), EXACT)
        value = load(v, v_at, c * CHUNK, length, SIZE, CHUNK, WIDTH)
        if KEEP:
            d, there, dd, both = keeping(row, last, c, SIZE, WIDTH)
            tl.store(norms + d, norm, mask=there)
            tl.store(states + dd, state.to(kind), mask=both)
            if DECAY:
                at = 2 * (row * (last + 1) + c)
                tl.store(counts + at, count)
                tl.store(counts + at + 1, growth)
        s, r, counted = scales(e, key, norm, count, since, log, CHUNK, DECAY, SUMS)
        a = e * s[:, None] * r
        weights = within(product(a, tl.trans(key), kind, EXACT), log, False, CHUNK, DECAY)
        mixed = added(product(weights, value, kind, EXACT), faded(a, since, DECAY), state, kind, EXACT)
        store(out, out_at, c * CHUNK, length, mixed, SIZE, CHUNK, WIDTH)
        state = added(state * whole, tl.trans(faded(key, until, DECAY)), value, kind, EXACT)
        norm = norm * whole + tl.sum(key * faded(key, until, DECAY), 0)
        if DECAY:
            growth = whole * (growth + CHUNK * count) + tl.sum(until * (CHUNK - 1 - tl.arange(0, CHUNK)), 0)
            count = count * whole + tl.sum(until, 0)
        else:
            count += CHUNK


@triton.jit
def counting(counts, row, last, c, CHUNK: tl.constexpr, DECAY: tl.constexpr):
    """Read the count before a chunk, and its derivative."""
    if DECAY:
        at = counts + 2 * (row * (last + 1) + c)
        return tl.load(at), tl.load(at + 1)
    else:  # noqa: RET505
        return tl.cast(c * CHUNK, tl.float32), 0.0


@triton.jit
def of_decay(share, lost, count, growth, since, log, CHUNK: tl.constexpr):
    """Sum what a chunk adds to the gradient of the log-decay, but for what passes its start.

    A pair adds its share as often as it is steps apart: `t` times what position `t` is given, minus `s` times what it
    gives as a key, from the chunk's start on. `lost` is the gradient of the count.
    """
    i = tl.arange(0, CHUNK)
    back = (i[:, None] - i[None, :]).to(tl.float32)
    grown = since * (growth + (i + 1) * count) + tl.sum(within(back, log, False, CHUNK, True), 1)
    return tl.sum(share * (i + 1) + lost * grown, 0)


@triton.jit
def fill_gradients(
    q, k, v, g, dq, dk, dv, log_decay, states, norms, counts, decays, q_at, k_at, v_at, g_at, dq_at, dk_at, dv_at,
    heads, length,
    SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr, DECAY: tl.constexpr, EXACT: tl.constexpr,
    SUMS: tl.constexpr,
):  # fmt: skip
    """Compute the gradients of one sequence and head, from the last chunk on, by the formulas of the plain form.

    No product is turned on its way into another, where some compilers err: `later`, the gradient of the state, and
    `dv` are computed turned.
    """
    kind: tl.constexpr = q.dtype.element_ty
    row, h = tl.program_id(0).to(tl.int64), tl.program_id(0) % heads
    last = tl.cdiv(length, CHUNK) - 1
    log, since, until, whole = fading(log_decay, h, CHUNK, DECAY)
    q, k, v, g = mine(q, q_at, heads), mine(k, k_at, heads), mine(v, v_at, heads), mine(g, g_at, heads)
    dq, dk, dv = mine(dq, dq_at, heads), mine(dk, dk_at, heads), mine(dv, dv_at, heads)
    later, after, decay = tl.zeros([WIDTH, WIDTH], tl.float32), tl.zeros([WIDTH], tl.float32), 0.0
    for behind in range(last + 1):
        c = last - behind
        d, there, dd, both = keeping(row, last, c, SIZE, WIDTH)
        norm = tl.load(norms + d, mask=there, other=0.0)
        count, growth = counting(counts, row, last, c, CHUNK, DECAY)
        grad = load(g, g_at, c * CHUNK, length, SIZE, CHUNK, WIDTH)
        state = tl.load(states + dd, mask=both, other=0.0)
        da = product(faded(grad, since, DECAY), tl.trans(state), kind, EXACT)
        e = elu(load(q, q_at, c * CHUNK, length, SIZE, CHUNK, WIDTH), EXACT)
        key = elu(load(k, k_at, c * CHUNK, length, SIZE, CHUNK, WIDTH), EXACT)
        s, r, counted = scales(e, key, norm, count, since, log, CHUNK, DECAY, SUMS)
        a = e * s[:, None] * r
        # Read again after each part, so that little has to stay in registers.
        value = load(v, v_at, c * CHUNK, length, SIZE, CHUNK, WIDTH)
        grad = load(g, g_at, c * CHUNK, length, SIZE, CHUNK, WIDTH)
        pull = within(product(grad, tl.trans(value), kind, EXACT), log, False, CHUNK, DECAY)
        da = added(da, pull, key, kind, EXACT)
        p = da * a
        given = tl.sum(p, 1)
        p *= r * r
        e = elu(load(q, q_at, c * CHUNK, length, SIZE, CHUNK, WIDTH), EXACT)
        da = s[:, None] * (da * r - e * (given * counted * s)[:, None])
        store(dq, dq_at, c * CHUNK, length, da * slope(e), SIZE, CHUNK, WIDTH)
        key = elu(load(k, k_at, c * CHUNK, length, SIZE, CHUNK, WIDTH), EXACT)
        grad = load(g, g_at, c * CHUNK, length, SIZE, CHUNK, WIDTH)
        weights = within(product(a, tl.trans(key), kind, EXACT), log, False, CHUNK, DECAY)
        dw = added(product(tl.trans(grad), weights, kind, EXACT), later, tl.trans(faded(key, until, DECAY)), kind, EXACT)
        store_turned(dv, dv_at, c * CHUNK, length, dw, SIZE, CHUNK, WIDTH)
        key = elu(load(k, k_at, c * CHUNK, length, SIZE, CHUNK, WIDTH), EXACT)
        half = key * summed(p, after, until, log, True, CHUNK, DECAY, SUMS) / 2
        after = after * whole + tl.sum(faded(p, since, DECAY), 0)
        value = load(v, v_at, c * CHUNK, length, SIZE, CHUNK, WIDTH)
        grad = load(g, g_at, c * CHUNK, length, SIZE, CHUNK, WIDTH)
        pull = within(product(value, tl.trans(grad), kind, EXACT), log, True, CHUNK, DECAY)
        db = added(product(pull, a, kind, EXACT), faded(value, until, DECAY), later, kind, EXACT) - half
        store(dk, dk_at, c * CHUNK, length, (db - half) * slope(key), SIZE, CHUNK, WIDTH)
        later = added(later * whole, tl.trans(faded(grad, since, DECAY)), a, kind, EXACT)
        if DECAY:
            share = (given + KEY_EPS * tl.sum(p, 1)) / 2 - tl.sum(key * db, 1)
            decay += of_decay(share, -given / (2 * counted), count, growth, since, log, CHUNK)
            state = tl.load(states + dd, mask=both, other=0.0)
            decay += CHUNK * (tl.sum(tl.trans(state) * later) - tl.sum(norm * after) / 2)
    if DECAY:
        tl.store(decays + row, decay)
