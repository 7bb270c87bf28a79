"""Prepared data sets found by what is in them."""

import random

import polars as pl
import pytest

from linrec_cli import disk
from linrec_cli.data import store
from linrec_cli.data.store import open_prepared


@pytest.fixture
def log(tmp_path):
    rng = random.Random(0)
    rows = [f"u{u},i{rng.randrange(8)},{rng.randrange(50)}\n" for u in range(20) for _ in range(9)]
    path = tmp_path / "my log.csv"
    path.write_text("user,item,time\n" + "".join(rows))
    return path


def test_it_is_found_by_what_is_in_it_wherever_it_lies(log, tmp_path):
    made = open_prepared(str(log), tmp_path / "data")
    log.unlink()
    moved = tmp_path / "moved"
    (tmp_path / "data").rename(moved)
    for hint in (None, moved / "my-log" / made.folder.name, tmp_path / "nothing here", made.folder):
        found = store.by_digest(made.digest, moved, hint)
        assert found.folder == moved / "my-log" / made.folder.name
        assert (found.digest, found.name, found.card) == (made.digest, "my log", made.card)
        assert found.events.equals(made.events)
    assert store.by_digest("0" * 16, moved, found.folder) is None
    assert store.by_digest(made.digest, tmp_path / "data") is None
    assert store.by_digest(made.digest, tmp_path / "data", found.folder).folder == found.folder


def test_what_is_damaged_is_not_found_by_its_digest_and_another_copy_is(log, tmp_path):
    made = open_prepared(str(log), tmp_path)
    # Nothing is dropped either way, so that the same is in it.
    other = open_prepared(str(log), tmp_path, min_user=1)
    assert (other.digest, other.folder == made.folder) == (made.digest, False)
    (made.folder / "events.parquet").write_bytes(b"PAR1 nonsense")
    assert store.by_digest(made.digest, tmp_path, made.folder).folder == other.folder
    (other.folder / "card.toml").write_text("no [ card")
    assert store.by_digest(made.digest, tmp_path, made.folder) is None


def test_among_equal_ones_the_hint_goes_first_then_what_this_linrec_prepared(log, tmp_path):
    folders = sorted(open_prepared(str(log), tmp_path, min_user=minimum).folder for minimum in (0, 1, 2, 3, 5))
    digest = open_prepared(str(log), tmp_path).digest
    for folder in folders:
        assert store.by_digest(digest, tmp_path, folder).folder == folder
    assert store.by_digest(digest, tmp_path).folder == folders[0]
    card = store.by_digest(digest, tmp_path, folders[0]).card | {"format": 1}
    (folders[0] / "card.toml").write_text(disk.sealed_toml(card))
    assert store.by_digest(digest, tmp_path).folder == folders[1]
    assert store.by_digest(digest, tmp_path, folders[0]).folder == folders[0], "it is whole"


def test_only_cards_are_read_until_a_digest_fits(log, tmp_path, monkeypatch):
    open_prepared(str(log), tmp_path)
    monkeypatch.setattr(pl, "read_parquet", None)
    assert store.by_digest("0" * 16, tmp_path) is None
