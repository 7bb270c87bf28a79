import torch

from linrec_cli.data.batch import Window
from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.objectives import cloze
from linrec_cli.training.batches import plan


def window(rows: int, length: int) -> Window:
    items = torch.arange(1, length + 1).repeat(rows, 1)
    return Window(items, torch.zeros_like(items), torch.full((rows,), length), mask=99)


def test_what_is_hidden_is_the_mask_and_the_target_and_nothing_else_is(sequences: Sequences, parts: Parts) -> None:
    mask = sequences.count + 1
    for batch in plan(sequences, parts, "cloze", 10, 100, 0, 0).batches(sequences):
        assert batch.targets is not None
        assert ((batch.items == mask) == (batch.targets > 0)).all()
        assert ((batch.items > 0).sum(1) == batch.lengths).all()
        assert ((batch.targets > 0).sum(1) >= 1).all()


def test_events_are_hidden_with_their_probability() -> None:
    batch = cloze.targets(window(4000, 25), torch.Generator().manual_seed(0), mask=0.2, last=0.0)
    assert batch.targets is not None
    hidden = (batch.targets > 0).double().mean(0)
    # Four standard deviations of a share of 4,000.
    assert (hidden - 0.2).abs().max() < 4 * (0.2 * 0.8 / 4000) ** 0.5 + 0.004
    assert batch.count == int((batch.targets > 0).sum())


def test_a_share_of_windows_hides_the_last_event_alone() -> None:
    batch = cloze.targets(window(4000, 25), torch.Generator().manual_seed(0), mask=0.5, last=0.25)
    assert batch.targets is not None
    alone = ((batch.targets > 0).sum(1) == 1) & (batch.targets[:, -1] > 0)
    assert abs(float(alone.double().mean()) - 0.25) < 0.03


def test_where_nothing_was_drawn_the_last_event_is_hidden() -> None:
    batch = cloze.targets(window(500, 2), torch.Generator().manual_seed(0), mask=0.01, last=0.0)
    assert batch.targets is not None
    assert ((batch.targets > 0).sum(1) >= 1).all()
    assert (batch.targets[:, 1] > 0).double().mean() > 0.95


def test_windows_reach_the_end_of_a_training_part_and_hold_two_events_at_least(
    sequences: Sequences, parts: Parts
) -> None:
    laid = plan(sequences, parts, "cloze", 10, 100, 0, 0)
    assert laid.length.min() >= 2
    ends, count = (laid.start + laid.length).tolist(), parts.train - sequences.offsets[:-1]
    short = parts.train[(count >= 2) & (count <= 10)].tolist()
    assert short
    assert {*short} <= {*ends}
    assert max(ends) <= int(parts.train.max())
