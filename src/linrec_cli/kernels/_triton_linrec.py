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
    near = x * (1 + x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5 * (1 + x / 6)))))
    return tl.where(x > 0, x, tl.where(x > -0.25, near, tl.exp(tl.minimum(x, 0.0)) - 1))


@triton.jit
def slope(x, y):
    """Compute the derivative of `y = elu(x)`."""
    return tl.where(x > 0, 1.0, y + 1)


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
    """Compute what is left: from position to later position, turned, since the chunk's start, until its end, of it."""
    i = tl.arange(0, CHUNK)
    back = i[:, None] - i[None, :]
    if DECAY:
        log = tl.load(log_decay + h)
        within = tl.where(back < 0, 0.0, tl.exp(log * tl.maximum(back, 0)))
        turned = tl.where(back > 0, 0.0, tl.exp(log * tl.maximum(-back, 0)))
        return within, turned, tl.exp(log * (i + 1)), tl.exp(log * (CHUNK - 1 - i)), tl.exp(log * CHUNK)
    one = tl.full([CHUNK], 1.0, tl.float32)
    return tl.where(back < 0, 0.0, 1.0), tl.where(back > 0, 0.0, 1.0), one, one, 1.0


@triton.jit
def scales(e, key, norm, count, fade, SUMS: tl.constexpr):
    """Compute what the queries `e` are multiplied by, `[CHUNK]` and by feature, from sums before the chunk."""
    within, _, since, _, _ = fade
    n = added(norm[None, :] * since[:, None], within, key * key, tl.float32, SUMS)
    count = count * since + tl.sum(within, 1)
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
    fade = fading(log_decay, h, CHUNK, DECAY)
    within, _, since, until, whole = fade
    state, norm = tl.zeros([WIDTH, WIDTH], tl.float32), tl.zeros([WIDTH], tl.float32)
    count, growth = 0.0, 0.0
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
        s, r, _ = scales(e, key, norm, count, fade, SUMS)
        a = e * s[:, None] * r
        weights = product(a, tl.trans(key), kind, EXACT) * within
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
def of_decay(share, lost, count, growth, fade, CHUNK: tl.constexpr):
    """Sum what a chunk adds to the gradient of the log-decay, but for what passes its start.

    A pair adds its share as often as it is steps apart: `t` times what position `t` is given, minus `s` times what it
    gives as a key, from the chunk's start on. `lost` is the gradient of the count.
    """
    within, _, since, _, _ = fade
    i = tl.arange(0, CHUNK)
    grown = since * (growth + (i + 1) * count) + tl.sum(within * (i[:, None] - i[None, :]), 1)
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
    fade = fading(log_decay, h, CHUNK, DECAY)
    within, turned, since, until, whole = fade
    later, after, decay = tl.zeros([WIDTH, WIDTH], tl.float32), tl.zeros([WIDTH], tl.float32), 0.0
    for behind in range(last + 1):
        c = last - behind
        place = (row // heads, h, c * CHUNK, length)
        x = load(q, q_at, place, SIZE, CHUNK, WIDTH).to(tl.float32)
        y = load(k, k_at, place, SIZE, CHUNK, WIDTH).to(tl.float32)
        value, grad = load(v, v_at, place, SIZE, CHUNK, WIDTH), load(g, g_at, place, SIZE, CHUNK, WIDTH)
        state, norm, count, growth = before(states, norms, counts, row, last, c, SIZE, CHUNK, WIDTH, DECAY)
        e, key = elu(x), elu(y)
        s, r, counted = scales(e, key, norm, count, fade, SUMS)
        e *= s[:, None]
        a, asked = e * r, grad * since[:, None]
        weights = product(a, tl.trans(key), kind, EXACT) * within
        dw = added(product(tl.trans(grad), weights, kind, EXACT), later, tl.trans(key * until[:, None]), kind, EXACT)
        store_turned(dv, dv_at, place, dw, SIZE, CHUNK, WIDTH)
        pull = product(value, tl.trans(grad), kind, EXACT) * turned
        db = added(product(pull, a, kind, EXACT), value * until[:, None], later, kind, EXACT)
        pull = product(grad, tl.trans(value), kind, EXACT) * within
        da = r * added(product(pull, key, kind, EXACT), asked, tl.trans(state), kind, EXACT)
        later = added(later * whole, tl.trans(asked), a, kind, EXACT)
        p = da * e
        given = tl.sum(p, 1)
        p *= r * r
        half = key * added(after[None, :] * until[:, None], turned, p, tl.float32, SUMS) / 2
        after = after * whole + tl.sum(p * since[:, None], 0)
        db -= half
        if DECAY:
            share = (given + KEY_EPS * tl.sum(p, 1)) / 2 - tl.sum(key * db, 1)
            decay += of_decay(share, -given / (2 * counted), count, growth, fade, CHUNK)
            decay += CHUNK * (tl.sum(tl.trans(state) * later) - tl.sum(norm * after) / 2)
        store(dk, dk_at, place, (db - half) * slope(y, key), SIZE, CHUNK, WIDTH)
        store(dq, dq_at, place, s[:, None] * (da - e * (given * counted)[:, None]) * slope(x, elu(x)), SIZE, CHUNK, WIDTH)
    if DECAY:
        tl.store(decays + row, decay)
