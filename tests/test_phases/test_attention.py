"""The layer runs forward, then backward, and keeps what its backward pass needs."""

from collections.abc import Callable

import pytest
import torch

from linrec_cli.phases import _layer
from linrec_cli.profiling.build import build
from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.tally import tally

One = Callable[..., Cell]


@pytest.fixture
def layers(monkeypatch: pytest.MonkeyPatch) -> list[torch.nn.Module]:
    """The layers that are made."""
    found: list[torch.nn.Module] = []
    made = _layer.made

    def noted(cell: Cell) -> torch.nn.Module:
        found.append(made(cell))
        return found[-1]

    monkeypatch.setattr(_layer, "made", noted)
    return found


@pytest.mark.parametrize("name", ["attention", "forward", "backward"])
def test_a_backward_pass_gives_gradients_and_without_them_only_weights_and_inputs_are_left(
    one: One, layers: list[torch.nn.Module], name: str
) -> None:
    work = build(one("linear", name))
    forward, backward = work.spans.values()

    def gradients() -> set[bool]:
        return {weight.grad is not None for weight in layers[0].parameters()}

    forward()
    assert gradients() == {False}
    backward()
    assert gradients() == {True}
    work.bare()
    assert gradients() == {False}


def test_the_layer_keeps_what_its_forward_pass_made_and_no_more(one: One) -> None:
    # Queries, keys and values together, the heads' output, and of each row of each head a logarithm.
    forward, backward = build(one("softmax", "attention")).spans.values()
    tokens, numbers = 32, 3 * 8 + 8 + 2
    assert tally(forward).saved_bytes == 4 * tokens * numbers
    assert tally(backward).saved_bytes == 0
