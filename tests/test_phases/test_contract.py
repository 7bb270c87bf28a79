"""What every phase promises, checked over the folder: with every mechanism, and with every model."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from linrec_cli import catalog
from linrec_cli.errors import LinrecError
from linrec_cli.phases import _layer
from linrec_cli.phases._phase import Phase, phase, phases
from linrec_cli.profiling.build import build
from linrec_cli.profiling.cell import Cell, impossible
from linrec_cli.profiling.memory import looked_at
from linrec_cli.profiling.tally import tally
from linrec_cli.profiling.work import Work
from linrec_cli.settings import DTYPES, form

One = Callable[..., Cell]

NAMES = catalog.names("phases")
FORMS = {name: catalog.load("attentions", name).FORMS for name in catalog.names("attentions")}
CAUSAL = [name for name, forms in FORMS.items() if "causal" in forms]
MODELS = {name: catalog.load("models", name).FORM for name in catalog.names("models")}
FAST = [
    (one.name, dtype)
    for one in phases()
    if not one.ways and not one.measure and not one.part_of
    for dtype in one.dtypes or DTYPES
]
"""What every mechanism is built for: not parts, which are like the whole; ways to serve have tests of their own."""
PRODUCTS = ("mm", "addmm", "bmm", "baddbmm", "linear", "matmul")


@pytest.fixture(autouse=True)
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile nothing."""
    monkeypatch.setattr(torch, "compile", lambda function: function)


def twice(work: Work) -> None:
    """Run all there is, and again on what it left."""
    for _ in range(2):
        work.tiny()
        work.bare()
        for span in work.spans.values():
            span()


class Products(TorchDispatchMode):
    """Note the types of the numbers that are multiplied as matrices."""

    def __init__(self) -> None:
        super().__init__()
        self.types: set[torch.dtype] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operator, and look at what it made."""
        out = func(*args, **kwargs or {})
        if func._schema.name.removeprefix("aten::") in PRODUCTS:
            self.types |= {leaf.dtype for leaf in tree_leaves(out) if isinstance(leaf, torch.Tensor)}
        return out


def spans(what: Phase) -> list[str]:
    """Name the spans of a phase without ways: its parts, those of its whole, or one of its own name."""
    return list(what.parts or (phase(what.part_of).parts if what.part_of else [what.name]))


@pytest.mark.parametrize(("name", "dtype"), FAST)
@pytest.mark.parametrize("attn", CAUSAL)
def test_every_causal_mechanism_can_be_built_and_run_twice(one: One, attn: str, name: str, dtype: str) -> None:
    work = build(one(attn, name, dtype=dtype))
    assert list(work.spans) == spans(phase(name))
    twice(work)
    # Nothing that runs is without a rule to count it.
    assert sum(tally(span).operations for span in work.spans.values()) > 0


@pytest.mark.parametrize("name", NAMES)
def test_each_phase_has_its_spans(one: One, name: str) -> None:
    work = build(one("linear", name))
    if phase(name).ways:
        assert len(work.spans) > 1
    else:
        assert list(work.spans) == spans(phase(name))
    twice(work)


@pytest.mark.parametrize("name", [one.name for one in phases() if one.model])
@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_measured_in_its_own_form_or_cannot_be(one: One, model: str, name: str) -> None:
    cell = one("linear", name, model=model)
    assert (cell.form, cell.attn) == (MODELS[model] or "", "linear" if form(model) else "")
    if phase(name).keeps and MODELS[model] is None:
        assert impossible(cell) == f"{model} has no gradients, it is counted: there is no {name}"
    else:
        assert impossible(cell) == ""
        work = build(cell)
        twice(work)
        # Nothing that runs is without a rule to count it.
        for span in work.spans.values():
            tally(span)


@pytest.mark.parametrize("name", [one.name for one in phases() if not one.model])
@pytest.mark.parametrize("attn", ["linear", *(attn for attn in FORMS if attn not in CAUSAL)])
def test_a_layer_is_built_in_the_form_that_its_rows_say(
    one: One, monkeypatch: pytest.MonkeyPatch, attn: str, name: str
) -> None:
    asked: list[bool] = []
    made = _layer.build

    def noted(*args: Any, causal: bool, **more: Any) -> Any:
        asked.append(causal)
        return made(*args, causal=causal, **more)

    monkeypatch.setattr(_layer, "build", noted)
    cell = one(attn, name)
    twice(build(cell))
    assert cell.labels["form"] == ("causal" if attn in CAUSAL else "bidirectional")
    assert asked == [attn in CAUSAL]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_asked_for_in_bfloat16_is_multiplied_in_bfloat16(one: One, name: str, dtype: str) -> None:
    cell = one("softmax", name, dtype=dtype)
    for label, run in (("tiny", build(cell).tiny), *build(cell).spans.items()):
        with Products() as products:
            run()
        # Compiling a trifle multiplies nothing.
        assert products.types or (name, label) == ("compile", "tiny")
        assert (torch.bfloat16 in products.types) == (cell.dtype == "bfloat16" and bool(products.types)), label


@pytest.mark.parametrize("name", [name for name in NAMES if not phase(name).measure])
def test_kernels_are_timed_on_an_empty_cache_and_whole_models_as_they_are_used(one: One, name: str) -> None:
    assert build(one("linear", name)).flushed == (not phase(name).model)


NAN = """
from torch import nn
FORMS = ("causal", "bidirectional")
class Attention(nn.Module):
    def __init__(self, width, heads, causal, maxlen):
        super().__init__()
        self.inward = nn.Linear(width, width)
    def forward(self, x, lengths):
        return self.inward(x) * float("nan")
"""


@pytest.mark.parametrize("name", [one.name for one in phases() if not one.measure])
def test_what_is_no_number_is_seen_in_what_a_span_gives(one: One, add: Callable[[str, str], None], name: str) -> None:
    add("attentions/odd.py", NAN)
    for attn, wrong in (("odd", True), ("softmax", False)):
        spans, strange = looked_at(build(one(attn, name)).spans)
        try:
            for span in spans.values():
                span()
        except LinrecError:
            # Ranking refuses such scores itself.
            strange.append(name)
        assert bool(strange) == wrong
