"""What the Triton kernels of LinRec share: chunks and segments, ELU, products, sums that fade, norms."""

# Triton has no types, and a kernel's arguments are none of Python's.
# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"

import triton  # type: ignore[import, unused-ignore]
import triton.language as tl  # type: ignore[import, unused-ignore]

from linrec_cli.kernels import _chunks

# A kernel reads from outside only what says that it never changes.
QUERY_EPS = tl.constexpr(_chunks.QUERY_EPS)
KEY_EPS = tl.constexpr(_chunks.KEY_EPS)


@triton.jit
def elu(x, EXACT: tl.constexpr):
    """Compute `exp(x) - 1` where `x` is negative: near zero, where the difference lacks digits, by its series."""
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
    """Find the sequence and head of this program in `[B, H, T, D]`, and how far apart its positions are."""
    b, h = tl.program_id(0) // heads, tl.program_id(0) % heads
    return x + b.to(tl.int64) * strides[0] + h.to(tl.int64) * strides[1], strides[2]


@triton.jit
def tile(x, start, length, i, d, SIZE: tl.constexpr, WIDTH: tl.constexpr):
    """Say where the positions `i` from `start` on and the features `d` lie, and which of them are there."""
    there = start + i < length
    if SIZE < WIDTH:
        there &= d < SIZE
    return x[0] + tl.cast(start, tl.int64) * x[1] + i * x[1] + d, there


@triton.jit
def load(x, start, length, SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr):
    """Read a chunk `[CHUNK, WIDTH]`, zero where there is nothing."""
    i, d = tl.arange(0, CHUNK)[:, None], tl.arange(0, WIDTH)[None, :]
    where, there = tile(x, start, length, i, d, SIZE, WIDTH)
    return tl.load(where, mask=there, other=0.0)


@triton.jit
def store(x, start, length, y, SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr):
    """Write a chunk, what is there of it."""
    i, d = tl.arange(0, CHUNK)[:, None], tl.arange(0, WIDTH)[None, :]
    where, there = tile(x, start, length, i, d, SIZE, WIDTH)
    tl.store(where, y.to(x[0].dtype.element_ty), mask=there)


@triton.jit
def store_turned(x, start, length, y, SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr):
    """Write a chunk given as `[WIDTH, CHUNK]`."""
    i, d = tl.arange(0, CHUNK)[None, :], tl.arange(0, WIDTH)[:, None]
    where, there = tile(x, start, length, i, d, SIZE, WIDTH)
    tl.store(where, y.to(x[0].dtype.element_ty), mask=there)


@triton.jit
def keeping(row, last, c, SIZE: tl.constexpr, WIDTH: tl.constexpr):
    """Say where norm and state before a chunk or segment are kept, and what is there of them: none before the first."""
    at, d = row * last + c - 1, tl.arange(0, WIDTH)
    # The interpreter makes numbers of conditions joined with that of a scalar.
    there = (d < SIZE) & (d < SIZE * c)
    return at * SIZE + d, there, (at * SIZE + d[:, None]) * SIZE + d[None, :], there[:, None] & there[None, :]


@triton.jit
def segment(number, span, length, CHUNK: tl.constexpr):
    """Say with which chunk a segment of `span` chunks begins, and before which it ends."""
    return number * span, tl.minimum(number * span + span, tl.cdiv(length, CHUNK))


@triton.jit
def entering(states, norms, row, number, slots, SIZE: tl.constexpr, WIDTH: tl.constexpr):
    """Read the state and the norm before a segment."""
    d, there, dd, both = keeping(row, slots, number, SIZE, WIDTH)
    return tl.load(states + dd, mask=both, other=0.0), tl.load(norms + d, mask=there, other=0.0)


@triton.jit
def leaving(states, norms, row, number, slots, state, norm, SIZE: tl.constexpr, WIDTH: tl.constexpr):
    """Write what a segment leaves to the next."""
    d, there, dd, both = keeping(row, slots, number + 1, SIZE, WIDTH)
    tl.store(states + dd, state, mask=both)
    tl.store(norms + d, norm, mask=there)


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
def scaled(
    q, k, start, length, norm, count, since, log, SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr,
    DECAY: tl.constexpr, EXACT: tl.constexpr, SUMS: tl.constexpr,
):  # fmt: skip
    """Read queries and keys; return scaled queries, keys, both scales, `[CHUNK]` and by feature, and the counts."""
    e, key = (
        elu(load(q, start, length, SIZE, CHUNK, WIDTH), EXACT),
        elu(load(k, start, length, SIZE, CHUNK, WIDTH), EXACT),
    )
    r = tl.rsqrt(summed(key * key, norm, since, log, False, CHUNK, DECAY, SUMS) + KEY_EPS)
    if DECAY:
        one = within(tl.full([CHUNK, CHUNK], 1.0, tl.float32), log, False, CHUNK, DECAY)
        count = count * since + tl.sum(one, 1)
    else:
        count += 1 + tl.arange(0, CHUNK)
    s = tl.rsqrt(count * (tl.sum(e * e, 1) + QUERY_EPS))
    return e * s[:, None] * r, key, s, r, count


@triton.jit
def advanced(state, norm, key, value, until, whole, KIND: tl.constexpr, EXACT: tl.constexpr, DECAY: tl.constexpr):
    """Take a chunk into the state and the norm."""
    left = faded(key, until, DECAY)
    return added(state * whole, tl.trans(left), value, KIND, EXACT), norm * whole + tl.sum(key * left, 0)


@triton.jit
def counted_to(log, steps, DECAY: tl.constexpr):
    """Sum what is left after each of so many steps, from none on, by doubling; return the sum's derivative too."""
    count, growth = tl.full([], 0.0, tl.float32), tl.full([], 0.0, tl.float32)
    if DECAY:
        for bit in range(31):
            half, all = steps >> (31 - bit), steps >> (30 - bit)
            left = tl.exp(log * half)
            growth += left * (growth + half * count)
            count += left * count
            more = tl.where(all > 2 * half, tl.exp(log * 2 * half), 0.0)
            growth += more * 2 * half
            count += more
    else:
        count += steps
    return count, growth


@triton.jit
def counting(counts, row, last, c, CHUNK: tl.constexpr, DECAY: tl.constexpr):
    """Read the count before a chunk, and its derivative."""
    if DECAY:
        at = counts + 2 * (row * (last + 1) + c)
        return tl.load(at), tl.load(at + 1)
    else:  # noqa: RET505
        return tl.cast(c * CHUNK, tl.float32), 0.0


@triton.jit
def of_queries(q, dq, start, length, da, p, r, s, count, SIZE: tl.constexpr, CHUNK: tl.constexpr, WIDTH: tl.constexpr,
               EXACT: tl.constexpr):  # fmt: skip
    """Write the gradient of the queries; return the sums of `p`."""
    given = tl.sum(p, 1)
    e = elu(load(q, start, length, SIZE, CHUNK, WIDTH), EXACT)
    da = s[:, None] * (da * r - e * (given * count * s)[:, None])
    store(dq, start, length, da * slope(e), SIZE, CHUNK, WIDTH)
    return given
