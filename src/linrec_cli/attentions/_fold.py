"""A linear recurrence over all its positions at once, folded by pairs: few operations, however long it is."""

from typing import Any

import torch
from torch import Tensor


def recurrence(u: Tensor, decay: Tensor) -> Tensor:
    """Compute `h_t = decay h_{t-1} + u_t` for `u [B, H, T, ...]`, and its gradients.

    Args:
        decay: of modulus 1 or less, between neighbours `[..., T - 1, ...]`, or constant, `[..., 1, ...]`; else it
            broadcasts to `u`, and may have more digits.

    Cost: `O(1)` operations a number; only the output is kept for the backward pass.
    """
    out: Tensor = Recurrence.apply(u, decay)
    return out


class Recurrence(torch.autograd.Function):
    """The recurrence; its backward pass is the same from the end."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, decay: Tensor) -> Tensor:
        """Compute the states, keeping them."""
        h = u.clone()
        fold(h, decay)
        ctx.save_for_backward(h, decay)
        return h

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor | None]:
        """Carry the gradient from each state to those before it."""
        h, decay = ctx.saved_tensors
        g = grads[0].clone()
        fold(g, decay.conj().resolve_conj(), reverse=True)
        if not ctx.needs_input_grad[1]:
            return g, None
        return g, (g[:, :, 1:] * h[:, :, :-1].conj()).sum_to_size(decay.shape).to(decay.dtype)


def fold(h: Tensor, decay: Tensor, reverse: bool = False) -> None:
    """Add to each position of `h [B, H, T, ...]`, in place, what is left of the finished one before it, or after it.

    One of each two neighbours takes in the other, which leaves a recurrence of half the length whose decays are the
    products of two; then the others take in the finished ones next to them.

    Args:
        decay: what is left between neighbours, `[..., T - 1, ...]`, or `[..., 1, ...]` where it is constant.
        reverse: whether to run from the last position.
    """
    even, odd = h[:, :, ::2], h[:, :, 1::2]
    pairs, rest = odd.shape[2], even.shape[2] - 1
    if not pairs:
        return
    left = decay.to(h.dtype)
    within, between = (left, left) if decay.shape[2] == 1 else (left[:, :, ::2], left[:, :, 1::2])
    take(even[:, :, :pairs], odd, within, reverse)
    if rest:
        fold(even if reverse else odd, twice(decay, 0 if reverse else 1), reverse)
        take(odd[:, :, :rest], even[:, :, 1:], between, reverse)


def take(before: Tensor, after: Tensor, left: Tensor, reverse: bool) -> None:
    """Add to one of two neighbours, in place, what is left of the other."""
    to, of = (before, after) if reverse else (after, before)
    to.addcmul_(of, left)


def twice(decay: Tensor, first: int) -> Tensor:
    """Compute what is left between neighbours after next, of every second from the `first` on."""
    if decay.shape[2] == 1:
        return decay * decay
    one, other = decay[:, :, first::2], decay[:, :, first + 1 :: 2]
    return one[:, :, : other.shape[2]] * other
