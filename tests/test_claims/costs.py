"""What a mechanism says it costs, and what it costs by count."""

import inspect
import math
import re
from collections import defaultdict
from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from linrec_cli import catalog
from linrec_cli.attentions._build import build
from linrec_cli.kernels.linrec import force
from linrec_cli.profiling.count import Count, counted

CASES = [(name, form) for name in catalog.names("attentions") for form in catalog.load("attentions", name).FORMS]
FAR = 2.0**60
WIDE = 256


def stated(name: str) -> dict[str, str]:
    """Read the formulas of a mechanism's `Cost:` line."""
    text = " ".join((inspect.getdoc(catalog.load("attentions", name).Attention) or "").split())
    found = re.search(r"Cost: `O\((.+?)\)` operations and `O\((.+?)\)` memory", text)
    assert found, f"{name} states no cost"
    return {"operations": found[1], "memory": found[2]}


def degree(formula: str, symbol: str) -> float:
    """Find the exponent of a symbol in the leading term of a formula like `T (M + D) + M^2`."""
    factors = re.sub(r"([\w)])\s+(?=[\w(])", r"\1*", formula).replace("^", "**")
    low, high = (eval(factors, {"__builtins__": {}}, defaultdict(lambda: 1.0, {symbol: x})) for x in (FAR, 2 * FAR))
    return math.log2(high / low)


def spec(name: str) -> str:
    """Write out options that are 0 by default, which follow the width, so that they stay what they are."""
    options = inspect.signature(catalog.load("attentions", name).Attention).parameters.values()
    return ":".join([name, *(f"{o.name}=64" for o in options if type(o.default) is int and o.default == 0)])


def count(name: str, form: str, length: int, size: int, *, backward: bool = True) -> Count:
    """Count one head of `size` features over `length` positions, without the projections from and to the layer.

    Wide heads are not computed: tensors have shapes and no numbers. One that states its cost in channels, `C`, is
    counted with its projections, because they are the mechanism.
    """
    # Not the other way round: to run an operator on shapes alone takes longer than a small one takes.
    # A compiled kernel says what it does in one formula, and is not everywhere.
    with force("plain"), FakeTensorMode() if size > WIDE else nullcontext():
        attention = build(spec(name), size, 1, causal=form == "causal", maxlen=length)
        x, lengths = torch.randn(1, length, size, requires_grad=True), torch.full((1,), length)
        if hasattr(attention, "attend"):
            mix, parts = attention.attend, [part.detach().clone().requires_grad_() for part in attention.split(x)]
        else:
            mix, parts = attention, [x]
            if not re.search(r"\bC\b", stated(name)["operations"]):
                for child, module in list(attention.named_children()):
                    if isinstance(module, nn.Linear) and module.in_features == module.out_features:
                        setattr(attention, child, nn.Identity())
        return counted(lambda: mix(*parts, lengths).sum().backward() if backward else mix(*parts, lengths))


def exponent(measure: Callable[[int], int], start: int) -> float:
    """Find the exponent with which a count grows, from three lengths; a constant beside it drops out."""
    a, b, c = (measure(start * 2**i) for i in range(3))
    return math.log2((c - b) / (b - a)) if c > b > a else 0.0


def kept(found: Count) -> int:
    """Add up what autograd keeps, queries, keys and values among it."""
    return found.saved_bytes + found.saved_input_bytes


def exponents(name: str, form: str) -> dict[str, float]:
    """Measure how operations grow with `T`, at few features, and with `D`, at few positions, and memory with `T`."""
    by_length = {length: count(name, form, length, 16) for length in (512, 1024, 2048)}
    by_size = {size: count(name, form, 256, size) for size in (1024, 2048, 4096)}
    return {
        "T": exponent(lambda n: by_length[n].operations, 512),
        "D": exponent(lambda n: by_size[n].operations, 1024),
        "memory": exponent(lambda n: kept(by_length[n]), 512),
    }
