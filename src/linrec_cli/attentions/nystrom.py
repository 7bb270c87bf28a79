"""Nystromformer: softmax attention through a few landmarks."""

import math
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from linrec_cli.attentions._fused import attention
from linrec_cli.attentions._heads import Heads
from linrec_cli.catalog import Range
from linrec_cli.errors import UsageError

FORMS = ("bidirectional",)
ITERATIONS = 6
BLOCK = 64
"""Positions that one product convolves at a time."""


class Attention(Heads):
    """Mix values by `softmax(Q K~^T / sqrt(D)) A^+ softmax(Q~ K^T / sqrt(D)) V` plus a convolution of the values.

    `Q~` and `K~` are the means of `landmarks` runs of consecutive queries and keys, `A = softmax(Q~ K~^T / sqrt(D))`,
    and its pseudo-inverse `A^+` is six steps of the source's iteration. A depthwise convolution of the values over
    `conv` positions, one kernel a head, is added: 33 as in the source's language model, 0 for none. There is no causal
    form: each mean holds later positions.

    Deviations from the source: the runs are cut from the real positions of each row, of sizes that differ by one at
    most, where the source cuts the padded length in equal ones; a row no longer than `landmarks` gets softmax
    attention itself, as the source does with whole batches of that length; the iteration starts from the largest
    column sum of each matrix (the source's other option: its default takes the largest in the whole batch, and through
    that users would meet).

    Cost: `O(T (M + W) D + M^3)` operations and `O(T (M + D) + M^2)` memory a head, M being `landmarks`, W `conv`.
    Source: Xiong et al. 2021 (Nystromformer, AAAI), arXiv:2102.03902.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        causal: bool,
        maxlen: int,
        landmarks: Annotated[int, Range(1, 1024)] = 32,
        conv: Annotated[int, Range(0, 1025)] = 33,
    ) -> None:
        super().__init__(width, heads, causal, maxlen)
        if conv and conv % 2 == 0:
            raise UsageError(f"nystrom has no convolution over {conv} positions; give an odd number, or 0 for none.")
        self.landmarks = landmarks
        # As torch starts a convolution.
        bound = 1 / math.sqrt(max(conv, 1))
        self.kernel = nn.Parameter(torch.empty(heads, conv).uniform_(-bound, bound)) if conv else None

    def attend(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions in linear time; all `[B, H, T, D]`, landmarks and their inverse in at least float32."""
        position = torch.arange(k.shape[2], device=k.device)
        real = (position < lengths[:, None])[:, None]
        edges = cuts(lengths, min(self.landmarks, k.shape[2]))
        filled = (edges.diff() > 0)[:, None]
        runs = ((position >= edges[:, :-1, None]) & (position < edges[:, 1:, None])).to(k.dtype)
        queries, keys = means(runs, q, edges), means(runs, k, edges)
        values = attention(queries.to(q.dtype), k, v, real[:, None])
        with torch.autocast(q.device.type, enabled=False):
            scores = queries @ keys.mT / math.sqrt(q.shape[3])
            # Landmarks that a short row lacks are zero in `a`, and stay zero in its inverse.
            a = scores.masked_fill(~filled[:, None], -math.inf).softmax(-1) * filled[..., None]
            values = (inverse(a) @ values.to(a.dtype)).to(v.dtype)
        # Where the landmarks are the positions, their values stand for themselves, and the rest is softmax attention.
        exact = (lengths <= self.landmarks)[:, None, None, None]
        values = torch.where(exact, v[:, :, : keys.shape[2]], values)
        out = attention(q, keys.to(q.dtype), values, filled[:, None])
        return out if self.kernel is None else out + convolve(v * real[..., None], self.kernel.to(v.dtype))

    def reference(self, q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions by the formula, one user at a time over its real positions."""
        users = []
        for user, size in enumerate(lengths.tolist()):
            queries, keys, values = (x[user, :, :size] for x in (q, k, v))
            if size <= self.landmarks:
                mixed = weights(queries, keys) @ values
            else:
                runs = [[t for t in range(size) if t * self.landmarks // size == m] for m in range(self.landmarks)]
                few, some = (torch.stack([x[:, run].mean(1) for run in runs], 1) for x in (queries, keys))
                a = weights(few, some)
                one = torch.eye(self.landmarks, dtype=a.dtype, device=a.device)
                z = a.mT / a.sum(1).amax(1)[:, None, None]
                for _ in range(ITERATIONS):
                    z = z @ (13 * one - a @ z @ (15 * one - a @ z @ (7 * one - a @ z))) / 4
                mixed = weights(queries, some) @ (z @ (weights(few, keys) @ values))
            users.append(pad(mixed + self.moved(values), (0, 0, 0, q.shape[2] - size)))
        return torch.stack(users)

    def moved(self, values: Tensor) -> Tensor:
        """Add up the values `[H, T, D]` of one user, moved by each offset of the kernel and weighted by it."""
        out = torch.zeros_like(values)
        if self.kernel is not None:
            half = self.kernel.shape[1] // 2
            padded = pad(values, (0, 0, half, half))
            for offset, weight in enumerate(self.kernel.to(values.dtype).unbind(1)):
                out = out + weight[:, None, None] * padded[:, offset : offset + values.shape[1]]
        return out


def weights(q: Tensor, k: Tensor) -> Tensor:
    """Compute the attention weights of the reference."""
    return (q @ k.mT / math.sqrt(q.shape[-1])).softmax(-1)


def cuts(lengths: Tensor, most: int) -> Tensor:
    """Cut each row in `most` runs, or in as many as it has positions; the others are empty: `[B, most + 1]`."""
    count = lengths.clamp(1, most)[:, None]
    first = torch.arange(most + 1, device=lengths.device) * lengths[:, None] + count - 1
    return torch.minimum(first // count, lengths[:, None])


def means(runs: Tensor, x: Tensor, edges: Tensor) -> Tensor:
    """Average each of `runs [B, M, T]` in `x [B, H, T, D]` in at least float32: `[B, H, M, D]`, zero where empty."""
    # Sums by one product for all heads: ones are exact in any type, fractions are not.
    sums = (runs @ x.transpose(1, 2).flatten(2)).unflatten(2, (x.shape[1], -1)).transpose(1, 2)
    return sums.to(torch.promote_types(x.dtype, torch.float32)) / edges.diff().clamp(min=1)[:, None, :, None]


def inverse(a: Tensor) -> Tensor:
    """Approximate the pseudo-inverse of each matrix of `a`, whose rows sum to one."""
    one = torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    z = a.mT / a.sum(-2, keepdim=True).amax(-1, keepdim=True)
    for _ in range(ITERATIONS):
        az = a @ z
        z = 0.25 * z @ (13 * one - az @ (15 * one - az @ (7 * one - az)))
    return z


def convolve(x: Tensor, kernel: Tensor) -> Tensor:
    """Convolve `x [B, H, T, D]` along the positions with `kernel [H, W]`, as products with a band of it."""
    length, width = x.shape[2], kernel.shape[1]
    count = -(-length // BLOCK)
    # Row `i` of the band is the kernel moved by `i`: torch's convolution of single channels is slow on CPU.
    rows = pad(kernel, (0, BLOCK))[:, None].expand(-1, BLOCK, -1).flatten(1)
    band = rows[:, : BLOCK * (BLOCK + width - 1)].unflatten(1, (BLOCK, -1))
    spans = pad(x, (0, 0, width // 2, width // 2 + count * BLOCK - length)).unfold(2, BLOCK + width - 1, BLOCK)
    return torch.einsum("hsw,bhmdw->bhmsd", band, spans).flatten(2, 3)[:, :, :length]
