"""Count a span of any phase: also what a step of training and a ranking run beyond the operators of a layer."""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from linrec_cli.profiling.count import Count, counted, tensors

aten = torch.ops.aten


def tally(span: Callable[[], object]) -> Count:
    """Run a span and count, also what it runs in inference mode."""

    def run() -> None:
        with Apart():
            span()

    return counted(run)


class Apart(TorchDispatchMode):
    """Take operators that are made of others apart, as torch itself does outside inference mode."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the parts of one operator, or what has none as it is."""
        kwargs = kwargs or {}
        if not torch.is_inference_mode_enabled():
            return func(*args, **kwargs)
        with self:
            parts = func.decompose(*args, **kwargs)
        return func(*args, **kwargs) if parts is NotImplemented else parts


def nothing(*args: Any, **more: Any) -> int:
    """Count what chooses, orders or draws, and does no arithmetic."""
    return 0


def each(operations: int, argument: int) -> Callable[..., int]:
    """Count some operations for every number of an argument, a tensor or a list of them."""
    return lambda *args, **more: operations * sum(x.numel() for x in tensors(args[argument]))


def placed(x: Any, indices: Any, values: Any, accumulate: bool = False, **more: Any) -> int:
    """Count the sums of an assignment to places that may come twice."""
    return values.numel() if accumulate else 0


NAMES = "argsort bincount nonzero randint random randperm repeat_interleave sort topk"
flop_registry.update({getattr(aten, name): nothing for name in NAMES.split()})
flop_registry.update(
    {
        aten._foreach_add: each(1, 0),
        # Weight decay two, the first moment three, the second four, and six from its root to the difference.
        aten._fused_adamw: each(15, 0),
        aten.embedding_dense_backward: each(1, 0),
        aten.index_add: each(1, 3),
        aten.index_put: placed,
        aten.log_sigmoid_backward: each(1, 0),
        # The mask and the factor.
        aten.native_dropout: each(2, 0),
        aten.native_dropout_backward: each(2, 0),
    }
)
