"""LinRec's causal form in Triton: a program for each sequence and head, chunks in a loop, the state in float32."""

# Triton has no types, and a kernel's arguments are none of Python's.
# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"

import triton  # type: ignore[import, unused-ignore]
import triton.language as tl  # type: ignore[import, unused-ignore]

# A kernel reads from outside only what says that it never changes.
QUERY_EPS = tl.constexpr(1e-12)
KEY_EPS = tl.constexpr(1e-3)


@triton.jit
def elu(x):
    """Compute `exp(x) - 1` where `x` is negative: as a series near zero, where the difference has no digits."""
    near = x * (1 + x * (0.5 + x * (1 / 6 + x * (1 / 24 + x * (1 / 120 + x * (1 / 720))))))
    return tl.where(x > 0, x, tl.where(x > -0.25, near, tl.exp(x) - 1))


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
def tile(x, strides, place, i, d, SIZE: tl.constexpr):
    """Say where the positions `i` of a chunk and the features `d` lie, and which of them are there."""
    b, h, start, length = place
    first = x + b * strides[0] + h * strides[1] + tl.cast(start, tl.int64) * strides[2]
    return first + i * strides[2] + d, (start + i < length) & (d < SIZE)


@triton.jit
def load(x, strides, place, SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr):
    """Read a chunk `[CHUNK, WIDTH]`, zero where there is nothing."""
    where, there = tile(x, strides, place, tl.arange(0, CHUNK)[:, None], tl.arange(0, WIDTH)[None, :], SIZE)
    return tl.load(where, mask=there, other=0.0)


@triton.jit
def store(x, strides, place, y, SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr):
    """Write a chunk, what is there of it."""
    where, there = tile(x, strides, place, tl.arange(0, CHUNK)[:, None], tl.arange(0, WIDTH)[None, :], SIZE)
    tl.store(where, y.to(x.dtype.element_ty), mask=there)


@triton.jit
def store_turned(x, strides, place, y, SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr):
    """Write a chunk given as `[WIDTH, CHUNK]`."""
    where, there = tile(x, strides, place, tl.arange(0, CHUNK)[None, :], tl.arange(0, WIDTH)[:, None], SIZE)
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
    i = tl.arange(0, CHUNK)
    log = 0.0
    if DECAY:
        log = tl.load(log_decay + h)
    return log, tl.exp(log * (i + 1)), tl.exp(log * (CHUNK - 1 - i)), tl.exp(log * CHUNK)


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
    last, steps = tl.cdiv(length, CHUNK) - 1, CHUNK - 1 - tl.arange(0, CHUNK)
    log, since, until, whole = fading(log_decay, h, CHUNK, DECAY)
    state, norm = tl.zeros([WIDTH, WIDTH], tl.float32), tl.zeros([WIDTH], tl.float32)
    count, growth = tl.full([], 0.0, tl.float32), tl.full([], 0.0, tl.float32)
    for c in range(last + 1):
        place = (row // heads, h, c * CHUNK, length)
        e = elu(load(q, q_at, place, SIZE, CHUNK, WIDTH).to(tl.float32))
        key = elu(load(k, k_at, place, SIZE, CHUNK, WIDTH).to(tl.float32))
        value = load(v, v_at, place, SIZE, CHUNK, WIDTH)
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
        mixed = added(product(weights, value, kind, EXACT), a * since[:, None], state, kind, EXACT)
        store(out, out_at, place, mixed, SIZE, CHUNK, WIDTH)
        faded = key * until[:, None]
        state = added(state * whole, tl.trans(faded), value, kind, EXACT)
        norm = norm * whole + tl.sum(key * faded, 0)
        growth = whole * (growth + CHUNK * count) + tl.sum(until * steps, 0)
        count = count * whole + tl.sum(until, 0)


@triton.jit
def before(states, norms, counts, row, last, c, SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr, DECAY: tl.constexpr):
    """Read what `fill` kept before a chunk: state, norm, count and its derivative."""
    d, there, dd, both = keeping(row, last, c, SIZE, WIDTH)
    state, norm = tl.load(states + dd, mask=both, other=0.0), tl.load(norms + d, mask=there, other=0.0)
    if DECAY:
        at = 2 * (row * (last + 1) + c)
        return state, norm, tl.load(counts + at), tl.load(counts + at + 1)
    return state, norm, tl.cast(c * CHUNK, tl.float32), 0.0


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
    later, after, decay = tl.zeros([WIDTH, WIDTH], tl.float32), tl.zeros([WIDTH], tl.float32), 0.0
    for behind in range(last + 1):
        c = last - behind
        place = (row // heads, h, c * CHUNK, length)
        state, norm, count, growth = before(states, norms, counts, row, last, c, SIZE, CHUNK, WIDTH, DECAY)
        grad = load(g, g_at, place, SIZE, CHUNK, WIDTH)
        e = elu(load(q, q_at, place, SIZE, CHUNK, WIDTH).to(tl.float32))
        key = elu(load(k, k_at, place, SIZE, CHUNK, WIDTH).to(tl.float32))
        s, r, counted = scales(e, key, norm, count, since, log, CHUNK, DECAY, SUMS)
        a = e * s[:, None] * r
        weights = within(product(a, tl.trans(key), kind, EXACT), log, False, CHUNK, DECAY)
        dw = added(product(tl.trans(grad), weights, kind, EXACT), later, tl.trans(key * until[:, None]), kind, EXACT)
        store_turned(dv, dv_at, place, dw, SIZE, CHUNK, WIDTH)
        # Read again after each part, so that little has to stay in registers.
        value = load(v, v_at, place, SIZE, CHUNK, WIDTH)
        grad = load(g, g_at, place, SIZE, CHUNK, WIDTH)
        pull = within(product(grad, tl.trans(value), kind, EXACT), log, False, CHUNK, DECAY)
        da = added(product(pull, key, kind, EXACT), grad * since[:, None], tl.trans(state), kind, EXACT)
        p = da * a
        given = tl.sum(p, 1)
        p *= r * r
        e = elu(load(q, q_at, place, SIZE, CHUNK, WIDTH).to(tl.float32))
        da = s[:, None] * (da * r - e * (given * counted * s)[:, None])
        store(dq, dq_at, place, da * slope(e), SIZE, CHUNK, WIDTH)
        key = elu(load(k, k_at, place, SIZE, CHUNK, WIDTH).to(tl.float32))
        half = key * summed(p, after, until, log, True, CHUNK, DECAY, SUMS) / 2
        after = after * whole + tl.sum(p * since[:, None], 0)
        value = load(v, v_at, place, SIZE, CHUNK, WIDTH)
        grad = load(g, g_at, place, SIZE, CHUNK, WIDTH)
        pull = within(product(value, tl.trans(grad), kind, EXACT), log, True, CHUNK, DECAY)
        db = added(product(pull, a, kind, EXACT), value * until[:, None], later, kind, EXACT) - half
        store(dk, dk_at, place, (db - half) * slope(key), SIZE, CHUNK, WIDTH)
        later = added(later * whole, tl.trans(grad * since[:, None]), a, kind, EXACT)
        if DECAY:
            share = (given + KEY_EPS * tl.sum(p, 1)) / 2 - tl.sum(key * db, 1)
            decay += of_decay(share, -given / (2 * counted), count, growth, since, log, CHUNK)
            decay += CHUNK * (tl.sum(tl.trans(state) * later) - tl.sum(norm * after) / 2)
    if DECAY:
        tl.store(decays + row, decay)
