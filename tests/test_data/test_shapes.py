import torch
from hypothesis import given
from hypothesis import strategies as st

from linrec_cli.data.shapes import cut, rounded, spans


@given(st.integers(1, 100_000))
def test_rounding_adds_at_most_a_sixteenth_and_never_takes_away(length: int) -> None:
    assert length <= rounded(length) <= length + max(0, length // 16 + 1)


@given(st.integers(1, 20))
def test_an_octave_has_at_most_sixteen_shapes(octave: int) -> None:
    step = max(1, 2**octave // 64)
    shapes = {rounded(length) for length in range(2**octave + 1, 2 ** (octave + 1) + 1, step)}
    assert len(shapes) <= 16


@given(st.lists(st.integers(1, 90), min_size=1, max_size=200), st.integers(100, 1000))
def test_batches_hold_every_sequence_once_and_keep_the_budget(lengths: list[int], tokens: int) -> None:
    length = torch.tensor(lengths)
    rows = cut(length.argsort(descending=True), length, tokens)
    assert sorted(torch.cat(rows).tolist()) == list(range(len(lengths)))
    assert all(len(r) * rounded(int(length[r].max())) <= tokens or len(r) == 1 for r in rows)


def test_spans_lists_the_places_of_each_row() -> None:
    row, place = spans(torch.tensor([5, 0, 9]), torch.tensor([2, 0, 3]))
    assert row.tolist() == [0, 0, 2, 2, 2]
    assert place.tolist() == [5, 6, 9, 10, 11]
