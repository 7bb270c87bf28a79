"""What is kept of histories that are taken in event by event."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from linrec_cli import catalog
from linrec_cli.attentions import _stream
from linrec_cli.attentions._build import build

MODULES = {name: catalog.load("attentions", name) for name in catalog.names("attentions")}
NAMES = [name for name, module in MODULES.items() if {"step", "append"} & set(dir(module.Attention))]


def leaves(kept: Any) -> Iterator[Tensor]:
    if isinstance(kept, Tensor):
        yield kept
    elif isinstance(kept, tuple | list):
        for part in kept:
            yield from leaves(part)


@pytest.mark.parametrize("name", NAMES)
def test_each_history_has_a_part_of_what_is_kept(name: str) -> None:
    attention = build(name, 8, 2, causal=True, maxlen=6)
    kept = [one for one in leaves(_stream.start(attention, torch.zeros(3, 0, 8), 6)) if one.dim()]
    assert kept
    assert {len(one) for one in kept} == {3}
