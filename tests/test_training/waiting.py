"""What would make a GPU wait in a step of training, seen without one.

Started as a program, it trains on a device that computes nothing, and prints what it found of each case.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from linrec_cli import catalog
from linrec_cli.data.batch import Batch
from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.losses import cross_entropy
from linrec_cli.settings import Train, resolved
from linrec_cli.training import fit, optimiser
from linrec_cli.training.batches import Plan, plan
from linrec_cli.training.state import State

ELSEWHERE = "elsewhere"
SMALL = Train(attn="auto", maxlen=20, width=8, heads=2, layers=1, tokens=100)
FORMS = {"causal": "sasrec", "bidirectional": "bert4rec"}
"""A model to put a mechanism of each form in."""

LOOKED = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
"""What torch says of an operator whose outcome the host must look at."""
INDEXED = {torch.ops.aten.index, torch.ops.aten.index_put, torch.ops.aten.index_put_, torch.ops.aten._index_put_impl_}
"""Operators that look at their outcome where an index is a mask, and only there."""
ASKED = {"__bool__", "__float__", "__index__", "__int__", "cpu", "item", "numpy", "tolist"}
"""Methods that bring numbers to the host; on a CPU not all of them are operators."""

THERE = ("softmax", "linear", "linear-gated", "delta", "lru")
"""Mechanisms that are trained on a device that computes nothing: the most telling ones, and those least like others."""

PLANTED: dict[str, Callable[[Tensor], object]] = {
    "cpu": lambda hidden: hidden.cpu(),
    "item": lambda hidden: hidden.sum().item(),
    "list": lambda hidden: hidden.tolist(),
    "mask": lambda hidden: hidden[hidden > 0],
    "written": lambda hidden: hidden.index_put((hidden > 0,), hidden.new_zeros(())),
    "nonzero": lambda hidden: hidden.nonzero(),
    "branch": lambda hidden: 1 if (hidden > 0).any() else 0,
}
"""What makes a GPU wait."""


class Operators(TorchDispatchMode):
    """Note the operators on tensors of a device for which a GPU would be waited for."""

    def __init__(self, device: str, made: AbstractContextManager[object]) -> None:
        super().__init__()
        self.device, self.made, self.found = device, made, set[str]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operator, after it is noted: it may fail."""
        kwargs, packet = kwargs or {}, func.overloadpacket
        there = {x.device.type for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)}
        asked = kwargs.get("device")
        crossed = len(there | ({asked.type} if asked else set())) > 1
        if packet in INDEXED:
            looked = any(x is not None and x.dtype in (torch.bool, torch.uint8) for x in args[1])
        else:
            looked = bool(LOOKED & {*func.tags})
        if crossed or (looked and self.device in there):
            self.found.add(str(func))
        with self.made if asked and asked.type == self.device else nullcontext():
            return func(*args, **kwargs)


class Methods(TorchFunctionMode):
    """Note the methods that ask a device for numbers."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self.device, self.found = device, set[str]()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call one."""
        if getattr(func, "__name__", "") in ASKED and args[0].device.type == self.device:
            self.found.add(f"Tensor.{func.__name__}")
        return func(*args, **kwargs or {})


def waits(step: Callable[[], object], device: str, made: AbstractContextManager[object]) -> list[str]:
    """Run a step; list what a GPU would be waited for, and why it failed.

    Args:
        made: under which tensors are made on the device.
    """
    methods, operators = Methods(device), Operators(device, made)
    failed = []
    with methods, operators:
        try:
            step()
        except Exception as error:
            failed = [f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"]
    return sorted(methods.found | operators.found) + failed


def mixing(forms: int) -> Iterator[dict[str, Any]]:
    """List models, and mechanisms in so many of their forms."""
    yield from ({"model": name} for name in catalog.names("models") if catalog.load("models", name).FORM)
    for name in catalog.names("attentions"):
        yield from ({"model": FORMS[form], "attn": name} for form in catalog.load("attentions", name).FORMS[:forms])


def others() -> Iterator[dict[str, Any]]:
    """List what else changes a step: losses, objectives, what is done to weights."""
    yield from ({"loss": name} for name in [*catalog.names("losses"), "sampled:power=0.5"])
    yield from ({"objective": "last"}, {"clip": 1.0, "ema": 0.9}, {"model": "hstu:time=true"})


def histories() -> tuple[Sequences, Parts]:
    """Make six histories of 4 to 24 events, with times and a feature."""
    lengths = torch.arange(4, 25, 4)
    offsets = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
    events = torch.arange(int(offsets[-1]))
    colour = torch.arange(31)[:, None] % 3 == torch.arange(3)
    made = Sequences(1 + events * 7 % 30, offsets, 30, torch.arange(6), 60 * events, {"colour": colour})
    return made, catalog.load("splits", "leave-one-out").split(made)


def started(change: dict[str, Any], sequences: Sequences, parts: Parts) -> tuple[State, Plan]:
    """Start a training run on the CPU, and lay out its first epoch."""
    state = fit.start(resolved(replace(SMALL, **change)), sequences, parts)
    state.model.train()
    own = state.settings
    return state, plan(sequences, parts, own.objective, own.maxlen, own.tokens, 0, 0)


def plant(state: State, name: str) -> None:
    """Have a model do what makes a GPU wait as it encodes."""
    encode = state.model.encode

    def slow(batch: Batch) -> Tensor:
        hidden: Tensor = encode(batch)
        PLANTED[name](hidden.detach())
        return hidden

    state.model.encode = slow


def elsewhere() -> None:
    """Have torch know a device that has no kernels."""
    from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

    _setup_privateuseone_for_python_backend(ELSEWHERE)
    getattr(torch, ELSEWHERE).get_amp_supported_dtype = lambda: [torch.bfloat16]
    cross_entropy.SCORES[ELSEWHERE] = 2000
    torch.__future__.set_overwrite_module_params_on_conversion(True)


def trained_there(change: dict[str, Any], planted: str = "") -> list[str]:
    """Cut a batch and train on it on the device that computes nothing; list what a GPU would be waited for."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    mode = FakeTensorMode()

    def sent(x: Tensor, device: object = None) -> Tensor:
        with mode:
            return torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=ELSEWHERE)

    sequences, parts = histories()
    state, laid = started(change, sequences, parts)
    state.model._apply(sent)
    state.draw = replace(state.draw, counts=sent(state.draw.counts))
    state.optimizer = optimiser.adamw(state.model, state.settings)
    if planted:
        plant(state, planted)
    # The one way on which anything is sent there: what else crosses is found.
    for module in [module for name, module in sys.modules.items() if name.startswith("linrec_cli.")]:
        if hasattr(module, "sent"):
            module.sent = sent
    own = {field.name: getattr(sequences, field.name) for field in fields(sequences)}
    there = replace(sequences, **{name: sent(one) for name, one in own.items() if isinstance(one, Tensor)})

    def step() -> None:
        assert fit.step(state, next(laid.batches(there))).device.type == ELSEWHERE

    return waits(step, ELSEWHERE, mode)


if __name__ == "__main__":
    elsewhere()
    # Each takes a quarter of a second; what differs between mechanisms alone is seen on the CPU.
    cases = [case for case in mixing(1) if case.get("attn", "softmax") in THERE]
    found = [[case, trained_there(case)] for case in cases]
    planted = [[name, trained_there({}, name)] for name in ("cpu", "item", "mask")]
    print(json.dumps({"cases": found, "planted": planted}))
