"""HSTU: pointwise SiLU attention with a learned bias by distance, normed and gated."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, pad, silu

from linrec_cli.attentions._cache import Cached
from linrec_cli.attentions._heads import apart

FORMS = ("causal", "bidirectional")
EPS = 1e-6
BLOCK = 128
"""Queries whose scores exist at a time, in the forward pass and again in the backward pass."""
Elapsed = tuple[Tensor, Tensor]
"""A bias for each bucket of elapsed time, `[N]`, and the bucket of each query and key, bytes `[B, T, T]`."""


class Attention(Cached):
    """Mix values by `A = silu(Q K^T + b) / n`, then norm and gate: `LayerNorm(A V) * U`.

    `U`, `Q`, `K` and `V` are all `silu` of a projection without bias; the norm runs over all heads and has no weights;
    `b` is learned for each distance between two positions and shared by the heads. `n` is `maxlen`, a constant, as in
    the released code, which divides by the length that it pads every row to: were it a row's own length, it would
    tell early positions how long the history is. Because the norm follows, `n` only weighs the epsilon.

    Deviations from the source: no bias by elapsed time, because no timestamps reach a mechanism (a model that has them
    gives the bias to `attend`); the bidirectional form, which the released models do not use though their kernel has
    it. LayerNorm before, residual, dropout and the feed-forward, which the source leaves out, are the model's.

    Cost: `O(T^2 D)` operations and `O(T (D + BLOCK))` memory a head (BLOCK = 128 queries at a time, computed again in
    the backward pass).
    Source: Zhai et al. 2024 (HSTU, ICML), arXiv:2402.17152.
    """

    def __init__(self, width: int, heads: int, causal: bool, maxlen: int) -> None:
        super().__init__(width, heads, causal, maxlen)
        self.inward = nn.Linear(width, 4 * width, bias=False)
        # For a key `d` positions after its query: `bias[maxlen - 1 + d]`. The causal form uses the first half.
        self.bias = nn.Parameter(torch.empty(2 * maxlen - 1).normal_(std=0.02))

    def split(self, x: Tensor) -> tuple[Tensor, ...]:
        """Project `x [B, T, C]` to queries, keys, values and gates, each `[B, H, T, D]`."""
        return apart(silu(self.inward(x)), 4, self.heads)

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, u: Tensor, lengths: Tensor, elapsed: Elapsed | None = None
    ) -> Tensor:
        """Mix positions a block of queries at a time; all `[B, H, T, D]`, the norm in at least float32."""
        length = q.shape[2]
        if not self.causal:
            v = v * (torch.arange(length, device=v.device) < lengths[:, None])[:, None, :, None]
        bias = self.bias[self.maxlen - length : self.maxlen + length - 1]
        q, k, v = (part.contiguous() for part in (q, k, v))
        mixed = Blocks.apply(q, k, v, bias, self.causal, *(elapsed or (None, None)))
        # Dividing by `n` before the norm is multiplying its epsilon by `n^2`.
        return (normed(mixed, EPS * self.maxlen**2) * u).to(u.dtype)

    def newest(self, q: Tensor, k: Tensor, v: Tensor, u: Tensor) -> Tensor:
        """Mix the last position; `q` and `u` are `[B, H, 1, D]`."""
        weights = silu(scores(q, k, self.bias[self.maxlen - k.shape[2] : self.maxlen]), inplace=True)
        return (normed(weights @ v, EPS * self.maxlen**2) * u).to(u.dtype)

    def reference(self, q: Tensor, k: Tensor, v: Tensor, u: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions by the formula, the whole matrix of scores at once."""
        position = torch.arange(q.shape[2], device=q.device)
        scores = q @ k.mT + self.bias.to(q.dtype)[self.maxlen - 1 + position - position[:, None]]
        hidden = position > position[:, None] if self.causal else position >= lengths[:, None, None, None]
        mixed = (scores * scores.sigmoid() / self.maxlen).masked_fill(hidden, 0) @ v
        flat = mixed.transpose(1, 2).flatten(2)
        return layer_norm(flat, flat.shape[2:], eps=EPS).unflatten(2, (self.heads, -1)).transpose(1, 2) * u


class Blocks(torch.autograd.Function):
    """`silu(Q K^T + b) V`, of which only the inputs are kept; the scores of a block are computed once more."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, causal: bool, ages: Tensor | None,
        buckets: Tensor | None,
    ) -> Tensor:  # fmt: skip
        """Mix `q`, `k` and `v`, each `[B, H, T, D]`, with `bias [2T - 1]`, ordered from the earliest key.

        Args:
            ages, buckets: the two parts of `Elapsed`, or None.
        """
        ctx.save_for_backward(q, k, v, bias, ages, buckets)
        ctx.causal = causal
        out = torch.empty_like(v)
        for rows, seen, diagonals in blocks(q.shape[2], causal):
            s = aged(scores(q[:, :, rows], k[:, :, seen], bias[diagonals]), ages, buckets, rows)
            out[:, :, rows] = past(silu(s, inplace=True), rows, causal) @ v[:, :, seen]
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Add up what each block of queries gives its keys, its values and its biases."""
        q, k, v, bias, ages, buckets = ctx.saved_tensors
        g, dq = grads[0].contiguous(), torch.empty_like(q)
        # Sums over blocks, in at least float32.
        dk, dv, db = (torch.zeros_like(x, dtype=wide(x)) for x in (k, v, bias))
        da = None if ages is None else torch.zeros_like(ages, dtype=db.dtype)
        for rows, seen, diagonals in blocks(q.shape[2], ctx.causal):
            s = aged(scores(q[:, :, rows], k[:, :, seen], bias[diagonals]), ages, buckets, rows)
            dv[:, :, seen] += past(silu(s), rows, ctx.causal).mT @ g[:, :, rows]
            ds = torch.ops.aten.silu_backward(g[:, :, rows] @ v[:, :, seen].mT, s)
            ds = past(ds, rows, ctx.causal)
            dq[:, :, rows] = ds @ k[:, :, seen]
            dk[:, :, seen] += ds.mT @ q[:, :, rows]
            of_pair = ds.sum(1, dtype=db.dtype)
            db[diagonals] += along(of_pair.sum(0))
            if da is not None:
                da.index_add_(0, buckets[:, rows, seen].int().flatten(), of_pair.flatten())
        return dq, dk.to(k.dtype), dv.to(v.dtype), db.to(bias.dtype), None, da, None


def blocks(length: int, causal: bool) -> Iterator[tuple[slice, slice, slice]]:
    """Yield the queries of each block, the keys that any of them sees, and the biases between the two.

    The block with most keys comes first: later ones then fit in the memory that it leaves.
    """
    for start in reversed(range(0, length, BLOCK)):
        stop = min(start + BLOCK, length)
        seen = stop if causal else length
        yield slice(start, stop), slice(0, seen), slice(length - stop, length - start + seen - 1)


def scores(q: Tensor, k: Tensor, bias: Tensor) -> Tensor:
    """Compute `Q K^T + b` for a block; `bias` starts at the last query and the first key."""
    return (q @ k.mT).add_(bias.unfold(0, k.shape[2], 1).flip(0))


def aged(scores: Tensor, ages: Tensor | None, buckets: Tensor | None, rows: slice) -> Tensor:
    """Add, in place, the bias of elapsed time, where there is one, to the scores `[B, H, R, K]` of some queries."""
    if ages is None or buckets is None:
        return scores
    return scores.add_(ages[buckets[:, rows, : scores.shape[3]].int()][:, None])


def along(x: Tensor) -> Tensor:
    """Sum `x [R, K]` over each diagonal, from the lower left, `[R + K - 1]`: the gradient of the biases."""
    rows, keys = x.shape
    # Read in rows one shorter than they are, each row moves one column on from the one before.
    return pad(x.flip(0), (0, rows)).flatten()[:-rows].view(rows, keys + rows - 1).sum(0)


def past(x: Tensor, rows: slice, causal: bool) -> Tensor:
    """Zero, in place, what the queries `rows` of the causal form may not see."""
    return x.tril_(rows.start) if causal else x


def normed(x: Tensor, eps: float) -> Tensor:
    """Norm `x [B, H, T, D]` over heads and features, without weights, in at least float32."""
    x = x.to(wide(x))
    # Scaled to 1, with the epsilon along, so that the squares of large values do not overflow.
    top = x.detach().abs().amax((1, 3), keepdim=True).clamp(min=1)
    x = x / top
    x = x - x.mean((1, 3), keepdim=True)
    return x * (x.square().mean((1, 3), keepdim=True) + (eps / top / top).clamp(min=1e-30)).rsqrt()


def wide(x: Tensor) -> torch.dtype:
    """Choose what to add up numbers like these in: at least float32."""
    return torch.promote_types(x.dtype, torch.float32)
