"""Operations and bytes of a function, counted from the operators that torch dispatches while it runs."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry, sdpa_backward_flop_count, sdpa_flop_count


@dataclass(frozen=True)
class Count:
    """What ran.

    Attributes:
        operations: a multiplication and an addition are one each, and so is any function of a number.
        bytes: what each operator reads and writes, as if nothing stayed in a cache.
        saved_bytes: what autograd keeps for the backward pass of what the function made, each block of memory once;
            what a custom function keeps by itself, outside `save_for_backward`, is not seen.
        saved_input_bytes: the same of what was there before the function ran: inputs, parameters, constants.
        state_bytes: what is kept of one user's history until the next event; not counted here.
    """

    operations: int
    bytes: int
    saved_bytes: int
    saved_input_bytes: int = 0
    state_bytes: int = 0


def counted(function: Callable[[], object]) -> Count:
    """Run `function` and count; under torch's `FakeTensorMode` nothing is computed and no length costs anything.

    Products count `2 M N K`; what is pointwise one a number made; a reduction or a cumulative sum one a number read;
    copies, fills, masks and comparisons nothing. A complex product counts six, another complex number two. A fused
    attention counts its products, half of them where it is causal, and not the exponentials within.

    Raises:
        NotImplementedError: an operator ran for which there is no rule.
    """
    counter = Counter()
    with saved_tensors_hooks(counter.keep, lambda kept: kept), counter:
        function()
    made = [store.nbytes() for key, store in counter.saved.items() if key in counter.made]
    every = sum(store.nbytes() for store in counter.saved.values())
    return Count(counter.operations, counter.bytes, sum(made), every - sum(made))


class Counter(TorchDispatchMode):
    """Add up what passes."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = self.bytes = 0
        self.made: set[int] = set()
        # The blocks themselves, or a later one could be taken for one that was given back.
        self.saved: dict[int, torch.UntypedStorage] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operator and count it; a view is free."""
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        inputs, outputs = list(tensors((args, kwargs))), list(tensors(out))
        given = {block(x) for x in inputs}
        self.made |= {block(x) for x in outputs} - given
        # A view, or what gives no tensor at all.
        if not func._schema.is_mutable and all(block(x) in given for x in outputs):
            return out
        name = func._schema.name.removeprefix("aten::").removesuffix("_")
        self.operations += operations(func, name, args, kwargs, out)
        # What is written over without a look at it is not read.
        over = inputs[:1] if func._schema.is_mutable and name in WRITES else []
        over += tensors([kwargs.get(argument.name) for argument in func._schema.arguments if argument.is_out])
        self.bytes += sum(distinct(inputs, without=over)) + sum(distinct(outputs))
        return out

    def keep(self, x: Tensor) -> Tensor:
        """Note what autograd keeps."""
        self.saved[block(x)] = x.untyped_storage()
        return x.detach()


def tensors(tree: object) -> Iterator[Tensor]:
    """Give the tensors in arguments or results."""
    return (leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor))


def block(x: Tensor) -> int:
    """Name the block of memory that a tensor lies in."""
    return x.untyped_storage()._cdata


def distinct(found: list[Tensor], without: list[Tensor] | None = None) -> Iterator[int]:
    """Give the bytes of each tensor, one that comes twice once, and an expanded axis as one entry."""
    skip = {id(x) for x in without or []}
    once = {(block(x), x.storage_offset(), x.shape, x.stride()): x for x in found if id(x) not in skip}
    for x in once.values():
        yield x.element_size() * math.prod(n for n, step in zip(x.shape, x.stride(), strict=True) if step)


def operations(func: Any, name: str, args: Any, kwargs: Any, out: Any) -> int:
    """Count one operator by the first rule that fits.

    Raises:
        NotImplementedError: none does.
    """
    results, first = list(tensors(out)), next(tensors((args, kwargs)), None)
    made, read = sum(x.numel() for x in results), 0 if first is None else first.numel()
    complex_numbers = any(x.is_complex() for x in results)
    if name in MOVES:
        return 0
    if name.startswith("_scaled_dot_product_"):
        return attention(func, name, args, kwargs)
    # The same name without the underscore of what is done in place.
    packet = getattr(torch.ops.aten, name, func.overloadpacket)
    if packet in flop_registry:
        product = int(flop_registry[packet](*args, **kwargs, out_val=out))
        return product * (4 if complex_numbers else 1) + (made if name in {"addmm", "baddbmm"} else 0)
    if name == "mv":
        return 2 * args[0].numel() * (4 if complex_numbers else 1)
    if name in STEPS:
        return STEPS[name] * read * (2 if complex_numbers else 1)
    if name == "linalg_solve_triangular":
        # Half a product.
        return args[1].numel() * args[0].shape[-1]
    # Of some, torch tags only the one that is not in place.
    twin = getattr(packet, func._overloadname, func)
    if torch.Tag.pointwise in [*func.tags, *twin.tags] or name in POINTWISE:
        return made * (1 if not complex_numbers else 6 if name == "mul" else 2)
    raise NotImplementedError(f"no rule to count {func}; add one to {__name__}.")


def attention(func: Any, name: str, args: Any, kwargs: Any) -> int:
    """Count the products of a fused attention; a causal one skips what lies above the diagonal."""
    given = dict(zip((a.name for a in func._schema.arguments), args, strict=False)) | kwargs
    q, k, v = (given[part].shape for part in ("query", "key", "value"))
    backward = name.endswith("_backward")
    whole = sdpa_backward_flop_count(q, q, k, v) if backward else sdpa_flop_count(q, k, v)
    return int(whole) * (k[-2] + 1) // (2 * k[-2]) if given.get("is_causal") else int(whole)


def words(text: str) -> set[str]:
    """Split a list of names."""
    return set(text.split())


WRITES = {"copy", "fill", "zero"}
"""Operators that write over their first argument."""

MOVES = WRITES | words("""
    _to_copy _unsafe_view arange bernoulli bitwise_and bitwise_not bitwise_or cat clone constant_pad_nd embedding empty
    empty_like empty_strided eq expand_copy eye flip full full_like gather ge gt index index_select le lift_fresh
    linspace logical_and logical_not logical_or lt masked_fill ne new_empty new_empty_strided new_full new_ones
    new_zeros normal ones ones_like rand randn randn_like repeat roll scalar_tensor scatter select_backward
    select_scatter slice_backward slice_scatter stack transpose tril triu uniform where zeros zeros_like
""")
"""Operators that make, copy, choose or compare, and do no arithmetic."""

STEPS = dict.fromkeys(words("""
    all amax amin any argmax argmin cummax cumprod cumsum linalg_vector_norm logcumsumexp logsumexp max mean min norm
    prod std sum unfold_backward var
"""), 1) | {
    # Largest, difference, exponential, sum, quotient; backwards product, sum, difference, product.
    "_softmax": 5,
    "_safe_softmax": 5,
    "_log_softmax": 5,
    "_softmax_backward_data": 4,
    "_log_softmax_backward_data": 4,
    # Mean, difference, square, mean, quotient, weight, bias; backwards twice that.
    "native_layer_norm": 7,
    "native_layer_norm_backward": 14,
    "_fused_rms_norm": 4,
    "_fused_rms_norm_backward": 8,
}  # fmt: skip
"""Operations a number read, by operator."""

POINTWISE = words("elu_backward floor_divide glu glu_backward log_sigmoid_forward polar softplus_backward")
"""Operators that torch does not tag as pointwise, though they are."""
