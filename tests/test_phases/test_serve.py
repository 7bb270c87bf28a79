"""Every way to serve gives the layer's output at the newest event, and keeps what it should."""

from collections.abc import Callable

import pytest
import torch

from linrec_cli import catalog
from linrec_cli.profiling.build import build
from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.tally import tally
from linrec_cli.settings import DTYPES

One = Callable[..., Cell]

MODULES = {name: catalog.load("attentions", name) for name in catalog.names("attentions")}
WAYS = {
    name: [
        *(["cache"] if "causal" in module.FORMS and hasattr(module.Attention, "append") else []),
        *(["recurrence"] if hasattr(module.Attention, "step") else []),
    ]
    for name, module in MODULES.items()
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("attn", WAYS)
def test_every_mechanism_can_serve_and_has_a_recurrence_or_a_cache_where_it_writes_one(
    one: One, attn: str, dtype: str
) -> None:
    work = build(one(attn, "serve", dtype=dtype))
    assert list(work.spans) == [*WAYS[attn], "recomputation"]
    assert sorted(work.state) == WAYS[attn]
    for _ in range(2):
        work.tiny()
        work.bare()
        for span in work.spans.values():
            assert span().shape == (4, 8)
    for span in work.spans.values():
        assert tally(span).saved_bytes == 0


@pytest.mark.parametrize("attn", [name for name, ways in WAYS.items() if ways])
def test_all_ways_to_serve_give_the_same_and_again_at_each_run(one: One, attn: str) -> None:
    # Short enough for the state to hold the whole history.
    *kept, recomputation = build(one(attn, "serve")).spans.values()
    for _ in range(3):
        for way in kept:
            torch.testing.assert_close(way(), recomputation(), atol=1e-4, rtol=1e-4)


def test_a_cache_keeps_a_key_and_a_value_an_event_and_a_state_is_as_large_at_any_length(one: One) -> None:
    cache, state = (
        [build(one(attn, "serve", maxlen=length)).state[way] for length in (16, 64)]
        for attn, way in (("softmax", "cache"), ("linear", "recurrence"))
    )
    # Width 8, float32.
    assert cache == [2 * 8 * 4 * length for length in (16, 64)]
    assert state[0] == state[1] > 0
