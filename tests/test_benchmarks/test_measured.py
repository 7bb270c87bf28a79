"""What a script measured stands beside what made it."""

import sys
from pathlib import Path

import _measured
import claims
import polars as pl
import pytest


def test_a_row_says_how_it_was_made_and_not_where_it_was_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = ["/home/me/benchmarks/cores.py", "--heads", "2", "--out", str(tmp_path / "a.csv"), "--folder", "/tmp/mine"]
    monkeypatch.setattr(sys, "argv", told)
    monkeypatch.setattr(_measured.machine, "describe", lambda device: {"device": "cpu Abacus", "commit": "abc"})
    _measured.write([{"name": "one", "ms": 1 / 3}], tmp_path / "new/a.csv", threads=2, peer="1.2")
    (row,) = pl.read_csv(tmp_path / "new/a.csv").to_dicts()
    assert row.pop("created")
    assert row == {
        "name": "one", "ms": 0.33333333, "device": "cpu Abacus", "commit": "abc", "threads": 2, "peer": 1.2,
        "command": "python benchmarks/cores.py --heads 2 --folder mine",
    }  # fmt: skip


def test_the_command_names_the_folder_of_a_script() -> None:
    script = Path(_measured.__file__).parent / "faults" / "bits.py"
    assert _measured.command([str(script), "--flips", "3"]) == "python benchmarks/faults/bits.py --flips 3"


def test_numbers_that_differ_by_rounding_are_the_same_and_others_are_named() -> None:
    old = [{"mechanism": "a", "form": "causal", "rank": 8, "negative": 0.5, "operations": 1000.0, "fewer_from": None}]
    assert list(claims.differing(old, [old[0] | {"negative": 0.505, "operations": 1009.0}])) == []
    for column, value in {"rank": 9, "negative": 0.52, "operations": 1020.0, "fewer_from": 7, "form": "none"}.items():
        (text,) = claims.differing(old, [old[0] | {column: value}])
        assert f"{column} {old[0][column]} is now {value}" in text


def test_a_row_more_or_less_is_a_difference() -> None:
    assert list(claims.differing([{"a": 1}], [{"a": 1}, {"a": 1}])) == ["2 rows in place of 1"]
