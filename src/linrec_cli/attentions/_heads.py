"""What mechanisms with heads share: projections in, heads, projection out."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class Heads(nn.Module):
    """Project `x [B, T, C]` to heads, let `attend` mix positions, project back.

    A mechanism writes `attend(q, k, v, lengths)` on `[B, H, T, D]`, the fast form, and `reference`, the formula,
    plain and slow. One that needs more than queries, keys and values (a gate, a decay) overrides `split`, and its
    `attend` and `reference` take all that `split` returns, each `[B, H, T, ...]`, before the lengths; one that does
    more than project at the end overrides `join`.
    """

    attend: Callable[..., Tensor]
    reference: Callable[..., Tensor]

    def __init__(self, width: int, heads: int, causal: bool, maxlen: int) -> None:
        super().__init__()
        self.heads, self.size, self.causal, self.maxlen = heads, width // heads, causal, maxlen
        self.inward = nn.Linear(width, 3 * width)
        self.outward = nn.Linear(width, width)

    def split(self, x: Tensor) -> tuple[Tensor, ...]:
        """Project `x [B, T, C]` to queries, keys and values, each `[B, H, T, D]`."""
        return apart(self.inward(x), 3, self.heads)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Map `x [B, T, C]`, of which row `b` has `lengths[b]` real positions, to `[B, T, C]`."""
        return self.join(self.attend(*self.split(x), lengths), x)

    def join(self, mixed: Tensor, x: Tensor) -> Tensor:
        """Project the heads of `mixed [B, H, T, D]`, side by side, to `[B, T, C]`; `x` is what `forward` was given."""
        out: Tensor = self.outward(mixed.transpose(1, 2).flatten(2))
        return out

    def zeros(self, batch: int, *shape: int) -> Tensor:
        """Make a part of the state of `batch` empty histories, `[B, H, ...]`, in at least float32."""
        weight = self.outward.weight
        return weight.new_zeros(batch, self.heads, *shape, dtype=torch.promote_types(weight.dtype, torch.float32))


def apart(x: Tensor, parts: int, heads: int) -> tuple[Tensor, ...]:
    """Cut the channels of `x [B, T, parts C]` into parts and heads, each part `[B, H, T, D]`."""
    if torch.compiler.is_compiling():
        return cut(x, parts, heads)
    return Apart.apply(x, parts, heads)


def cut(x: Tensor, parts: int, heads: int) -> tuple[Tensor, ...]:
    """Cut, in views."""
    # Parted before they are transposed, so that the gradients are put together again without a copy.
    return tuple(part.transpose(1, 2) for part in x.unflatten(-1, (parts, heads, -1)).unbind(2))


class Apart(torch.autograd.Function):
    """The cut, whose backward pass copies nothing where the gradients lie side by side already."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, parts: int, heads: int) -> tuple[Tensor, ...]:
        """Cut."""
        return cut(x, parts, heads)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        """Put the gradients together, `[B, T, parts C]`."""
        first, count = grads[0], len(grads)
        batch, heads, length, size = first.shape
        if not torch.is_grad_enabled() and first.untyped_storage().nbytes() == count * first.nbytes:
            # A piece that is no gradient of theirs is not what `cut` makes of it.
            width = count * heads * size
            whole = first.as_strided((batch, length, width), (length * width, width, 1), 0)
            if all(map(same, grads, cut(whole, count, heads))):
                return whole, None, None
        return torch.stack([grad.transpose(1, 2) for grad in grads], 2).flatten(2), None, None


def same(one: Tensor, other: Tensor) -> bool:
    """Tell whether two tensors are the same numbers in memory."""
    places = [(x.untyped_storage()._cdata, x.storage_offset(), x.shape, x.stride(), x.dtype) for x in (one, other)]
    return places[0] == places[1]
