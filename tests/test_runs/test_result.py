"""A finished training is read back from its folder, whichever linrec wrote it."""

import polars as pl
import pytest

from linrec_cli import runs
from linrec_cli.errors import DataError
from linrec_cli.results import store
from linrec_cli.runs.result import read


def test_a_finished_training_is_read_back(here, data, quick):
    made = runs.train(quick(), data, here / "run")
    found = read(here / "run", data)
    assert found.settings == made.settings
    assert found.rows.equals(made.rows)
    assert found.history.equals(made.history)
    state = found.model.state_dict()
    assert all(value.equal(state[name]) for name, value in made.model.state_dict().items())
    (here / "run" / "weights.safetensors").unlink()
    with pytest.raises(DataError, match="no weights"):
        read(here / "run", data)


def test_ranks_as_an_older_linrec_wrote_them_are_read_too(here, data, quick):
    made = runs.train(quick(), data, here / "run")
    wide = {stage: made.ranks.filter(stage=stage)["rank"] for stage in ("valid", "test")}
    users = made.ranks.filter(stage="test")["user"]
    store.write_frame(pl.DataFrame({"user": users} | wide), here / "run" / store.RANKS)
    assert read(here / "run", data).ranks.equals(made.ranks)
