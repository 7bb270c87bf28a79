"""What every split promises, checked over the folder on made histories with times."""

from dataclasses import replace

import pytest
import torch

from linrec_cli import catalog
from linrec_cli.data.parts import TEST, VALID
from linrec_cli.data.sequences import Sequences

NAMES = catalog.names("splits")


@pytest.fixture
def timed(sequences: Sequences) -> Sequences:
    """The same histories with times that rise within a user and mix between users."""
    generator = torch.Generator().manual_seed(5)
    times = [torch.randint(0, 1000, (int(n),), generator=generator).sort().values for n in sequences.lengths]
    # As if it had come in parts: the last event tested, the one before validated.
    part = torch.zeros_like(sequences.flat)
    ends = sequences.offsets[1:]
    part[ends - 1], part[ends - 2] = TEST, VALID
    return replace(sequences, times=torch.cat(times), part=part)


@pytest.mark.parametrize("name", NAMES)
def test_train_valid_and_test_follow_each_other_within_each_history(timed: Sequences, name: str) -> None:
    parts = catalog.bound("splits", name, "split")(timed)
    begin, end = timed.offsets[:-1], timed.offsets[1:]
    assert ((parts.train >= begin) & (parts.train <= end)).all()
    for stage in ("valid", "test"):
        targets = parts.targets(stage)
        assert len(targets)
        assert (targets.place >= parts.train[targets.user]).all()
        assert (targets.place < end[targets.user]).all()
        # There is something to predict it from.
        assert (targets.place > begin[targets.user]).all()
    last = torch.full_like(begin, -1).scatter_reduce_(0, parts.valid.user, parts.valid.place, "amax")
    assert (parts.test.place > last[parts.test.user]).all()


@pytest.mark.parametrize("name", NAMES)
def test_no_event_is_predicted_twice(timed: Sequences, name: str) -> None:
    parts = catalog.bound("splits", name, "split")(timed)
    places = torch.cat([parts.valid.place, parts.test.place])
    assert len(places.unique()) == len(places)
