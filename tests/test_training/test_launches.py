"""What a step of training launches on a GPU, counted without one: few operators, however long histories are."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import waiting
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from linrec_cli import catalog
from linrec_cli.attentions import _decay
from linrec_cli.data.batch import Batch
from linrec_cli.profiling.count import block, tensors
from linrec_cli.training import fit
from linrec_cli.training.state import State

SHORT, LONG = 50, 1600
"""One chunk of positions, and 25."""
COUNTS = {
    "softmax": (87, 87),
    "linear": (142, 166),
    "linear-gated": (310, 409),
    "retention": (232, 291),
    "gated": (188, 238),
    "ssd": (246, 303),
    "elu": (140, 164),
    "lru": (151, 181),
}
"""Launches of a step at either length, as counted with torch 2.13; a loop over chunks would add 24 and more."""
SPARE = 10
"""More that another torch may take."""
PRODUCTS = {"bmm": 0, "baddbmm": 1}
"""Batched products, and where the left factor stands among what they are given: torch 2.13 computes outer ones by a
kernel that wants a C compiler on CUDA. Those of two matrices it leaves to the vendor."""
ALONE = {"hstu", "softmax-naive"}
"""Mechanisms that mix the one position of a history of one event by such products."""


class Launches(TorchDispatchMode):
    """Count the operators that compute or copy something; note the products whose inner size is 1."""

    def __init__(self) -> None:
        super().__init__()
        self.count, self.outer = 0, set[str]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operator; a view, an empty block of memory, and what gives no tensor launch nothing."""
        out, name = func(*args, **(kwargs or {})), func.overloadpacket.__name__.removesuffix("_")
        given, made = {block(x) for x in tensors((args, kwargs))}, list(tensors(out))
        viewed = not func._schema.is_mutable and all(block(x) in given for x in made)
        self.count += not viewed and not name.startswith(("empty", "new_empty")) and any(x.numel() for x in made)
        if name in PRODUCTS and args[PRODUCTS[name]].shape[-1] == 1:
            self.outer.add(name)
        return out


@pytest.fixture(autouse=True)
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have mechanisms take the form that they have for a GPU."""
    for name in catalog.names("attentions"):
        module = catalog.load("attentions", name)
        if hasattr(module, "serves"):
            monkeypatch.setattr(module, "serves", lambda *given: False)


def launched(change: dict[str, Any], length: int, plant: Callable[[State], object] = lambda state: None) -> Launches:
    """Train on two histories of a length."""
    state, _ = waiting.started({"maxlen": length, **change}, *waiting.histories())
    plant(state)
    items = 1 + torch.arange(2 * length).view(2, length) * 7 % 30
    times, places = 60 * items.cumsum(1), torch.arange(items.numel())
    full = torch.tensor([length, length])
    batch = Batch(items, full, items.flip(1), items.numel(), times, times + 60, places)
    # The first step makes what the optimiser keeps.
    fit.step(state, batch)
    with Launches() as found:
        fit.step(state, batch)
    return found


@pytest.mark.parametrize(("attn", "short", "long"), [(name, *counts) for name, counts in COUNTS.items()])
def test_a_step_launches_no_more_than_it_did_and_few_more_for_long_histories(attn: str, short: int, long: int) -> None:
    found = [launched({"attn": attn}, length).count for length in (SHORT, LONG)]
    assert found[0] <= short + SPARE
    assert found[1] <= long + SPARE


def looped(h: Tensor, decay: Tensor, reverse: bool = False) -> None:
    """Fold, a chunk at a time."""
    last, left = h.shape[2] - 1, decay.expand(-1, -1, max(decay.shape[2], h.shape[2] - 1), *decay.shape[3:])
    for m in reversed(range(last)) if reverse else range(last):
        here, there = (m, m + 1) if reverse else (m + 1, m)
        h[:, :, here].addcmul_(h[:, :, there], left[:, :, m])


@pytest.mark.parametrize("attn", ["retention", "gated"])
def test_a_loop_over_chunks_is_found(attn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_decay, "fold", looped)
    assert launched({"attn": attn}, SHORT).count <= COUNTS[attn][0] + SPARE
    assert launched({"attn": attn}, LONG).count > COUNTS[attn][1] + SPARE


@pytest.mark.parametrize(
    "change", [*waiting.mixing(2), *waiting.others()], ids=lambda change: ",".join(map(str, change.values()))
)
def test_no_step_multiplies_batches_over_one_number(change: dict[str, Any]) -> None:
    assert launched(change, 70).outer == set()


@pytest.mark.parametrize(
    "attn", [case["attn"] for case in waiting.mixing(1) if case.get("attn") and case["model"] == "sasrec"]
)
def test_nor_does_a_causal_mechanism_where_a_history_is_one_event(attn: str) -> None:
    assert (launched({"attn": attn}, 1).outer == set()) == (attn not in ALONE)


@pytest.mark.parametrize("outer", [lambda x: x.mT[:, :, :1] @ x[:, :1], lambda x: (x @ x.mT[:, :, :1]).sum()])
def test_a_product_over_one_number_is_found_backwards_too(outer: Callable[[Tensor], Tensor]) -> None:
    def plant(state: State) -> None:
        encode = state.model.encode
        state.model.encode = lambda batch: encode(batch) + 0 * outer(encode(batch)).sum()

    assert launched({}, 5, plant).outer == {"bmm"}
