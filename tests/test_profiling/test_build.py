"""A cell is the same at each building, as its seed says."""

from collections.abc import Callable

import torch

from linrec_cli.profiling.build import build
from linrec_cli.profiling.cell import Cell


def test_the_seed_decides_weights_and_inputs(group: Callable[..., list[Cell]]) -> None:
    def answer(seed: int) -> torch.Tensor:
        (cell,) = group("linear", phase="serve", tokens=64, width=(8,), seed=seed)
        return build(cell).spans["recomputation"]()

    assert torch.equal(answer(1), answer(1))
    assert not torch.equal(answer(1), answer(2))
