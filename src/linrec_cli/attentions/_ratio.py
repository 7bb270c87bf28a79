"""What mechanisms with a denominator share: `o_t = sum_s w_ts v_s / (sum_s w_ts + eps)`, with `w_ts = q_t . k_s`."""

import torch
from torch import Tensor

from linrec_cli.attentions._heads import Heads
from linrec_cli.attentions._scan import scan

State = tuple[Tensor, Tensor]


def ratio(q: Tensor, k: Tensor, v: Tensor, lengths: Tensor, *, causal: bool, eps: float) -> Tensor:
    """Mix `v [B, H, T, D]` by the features `q` and `k`, `[B, H, T, M]`, in linear time.

    Features are of at least float32 and not negative; `eps` is 0 where they are positive. The denominators stay in
    their dtype, made by products and sums that autocast leaves alone; the numerators are in the dtype of the values.
    """
    v = v.contiguous()
    if causal:
        mixed = scan(q.to(v.dtype), k.to(v.dtype), v)
        total = k.cumsum(2)
    else:
        k = k * (torch.arange(k.shape[2], device=k.device) < lengths[:, None])[:, None, :, None]
        mixed = q.to(v.dtype) @ (k.to(v.dtype).mT @ v)
        total = k.sum(2, keepdim=True)
    return (mixed / ((q * total).sum(-1, keepdim=True) + eps)).to(v.dtype)


def empty(layer: Heads, batch: int, features: int) -> State:
    """Make the state of `batch` empty histories: the sums of `k^T v [B, H, M, D]` and of `k [B, H, 1, M]`."""
    return layer.zeros(batch, features, layer.size), layer.zeros(batch, 1, features)


def advance(q: Tensor, k: Tensor, v: Tensor, state: State, eps: float) -> tuple[Tensor, State]:
    """Take one event, `q` and `k [B, H, 1, M]` and `v [B, H, 1, D]`, into the state; return its mixed values too."""
    s, total = state[0] + k.mT * v, state[1] + k
    mixed = (q @ s) / ((q * total).sum(-1, keepdim=True) + eps)
    return mixed.to(v.dtype), (s, total)
