"""The same seed gives the same bits, however many threads there are: what is added up, is added in an order."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from linrec_cli import catalog
from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.settings import Train, resolved
from linrec_cli.training import checkpoint, fit
from linrec_cli.training.batches import plan

SMALL = Train(maxlen=20, width=8, heads=2, layers=1, tokens=200)
LOSSES = [{"loss": name} for name in catalog.names("losses")]
MODELS = [{"model": name} for name in catalog.names("models") if catalog.load("models", name).FORM]
ATTENTIONS = [
    {"attn": name} if "causal" in catalog.load("attentions", name).FORMS else {"attn": name, "model": "bert4rec"}
    for name in catalog.names("attentions")
]


class Unordered(TorchDispatchMode):
    """Note what adds up at indices in the order in which threads come, as torch does on a CPU in float32."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        accumulate = (kwargs or {}).get("accumulate", len(args) > 3 and args[3])
        if func._schema.name.startswith(("aten::index_put", "aten::_index_put")) and accumulate:
            self.found.append(func._schema.name)
        return func(*args, **(kwargs or {}))


def trained(settings: Train, sequences: Sequences, parts: Parts, steps: int) -> str:
    settings = resolved(settings)
    state = fit.start(settings, sequences, parts)
    batches = plan(sequences, parts, settings.objective, settings.maxlen, settings.tokens, 0, 0).batches(sequences)
    for number, batch in zip(range(steps), batches, strict=False):
        fit.seed("cpu", number)
        fit.step(state, batch)
    return checkpoint.digest(state.model.state_dict())


def test_an_addition_without_an_order_is_noted() -> None:
    table, rows = torch.zeros(3, 2, requires_grad=True), torch.tensor([1, 1])
    with Unordered() as mode:
        table.index_select(0, rows).sum().backward()
        assert mode.found == []
        table[rows].sum().backward()
    assert len(mode.found) == 1


@pytest.mark.parametrize("change", [*LOSSES, *MODELS, *ATTENTIONS], ids=lambda change: "-".join(change.values()))
def test_no_step_adds_up_without_an_order(sequences: Sequences, parts: Parts, change: Mapping[str, Any]) -> None:
    with Unordered() as mode:
        trained(replace(SMALL, **change), sequences, parts, 1)
    assert mode.found == []


@pytest.mark.parametrize("change", [*LOSSES, {"model": "sine"}], ids=lambda change: "-".join(change.values()))
def test_the_same_seed_gives_the_same_bits_with_two_threads(
    sequences: Sequences, parts: Parts, change: Mapping[str, Any]
) -> None:
    torch.set_num_threads(2)
    # Large enough for torch to let both work on a tensor, and on few items, so that they would meet.
    settings = replace(SMALL, width=64, tokens=4000, **change)
    digests = [trained(settings, sequences, parts, 3) for _ in range(3)]
    assert len({*digests}) == 1
