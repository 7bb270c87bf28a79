"""Users are ranked by the function that evaluation ranks by."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from linrec_cli import catalog
from linrec_cli.evaluation import ranks
from linrec_cli.profiling.build import build
from linrec_cli.profiling.cell import Cell

One = Callable[..., Cell]


def test_users_are_ranked_by_a_single_event_too(one: One) -> None:
    assert build(one("linear", "evaluate", maxlen=1)).spans["evaluate"]().shape == (32,)


@pytest.mark.parametrize("model", catalog.names("models"))
def test_a_span_ranks_the_last_event_of_each_user_among_all_items(
    one: One, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    asked: list[tuple[Any, ...]] = []
    rank = ranks.ranks

    def noted(*given: Any, **more: Any) -> torch.Tensor:
        asked.append((*given, more))
        return rank(*given, **more)

    monkeypatch.setattr(ranks, "ranks", noted)
    span = build(one("softmax", "evaluate", model=model)).spans["evaluate"]
    found = span()
    ((made, sequences, targets, maxlen, more),) = asked
    # Four users of eight events and one more, which is to be found.
    assert sequences.lengths.tolist() == [9] * 4
    assert (targets.place.tolist(), targets.user.tolist()) == ([8, 17, 26, 35], [0, 1, 2, 3])
    assert (maxlen, more, found.shape) == (8, {}, (4,))
    # What is counted was counted: scores that are all the same would rank nothing.
    if catalog.load("models", model).FORM is None:
        assert made.table().count_nonzero() > 0
