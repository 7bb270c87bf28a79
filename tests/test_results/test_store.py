from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from linrec_cli.errors import DataError
from linrec_cli.results import rows, schema, store
from linrec_cli.settings import Train

ENVIRONMENT = {"device": "cpu", "torch": "2", "linrec": "0", "commit": "abc"}


def shared() -> dict[str, object]:
    return rows.shared(Train(attn="linear:x=1"), "train", "a-run", datetime.now(UTC), ENVIRONMENT)


def test_a_table_has_the_columns_of_the_schema_and_comes_back_as_written(tmp_path: Path) -> None:
    table = schema.table(shared(), [rows.cost("seconds_per_epoch", [1.0, 2.0, 4.0]), rows.fact("epochs", 3)])
    assert table.schema == schema.COLUMNS
    store.write_frame(table, store.folder(tmp_path, "a-run") / store.TABLE)
    assert store.read(tmp_path).equals(table)
    assert table["value"].to_list() == [2.0, 3.0]
    assert table["attention"][0] == "linear"
    assert table["options"][0] == "x=1"


def test_a_number_under_an_unknown_label_is_refused() -> None:
    with pytest.raises(KeyError, match="flavour"):
        schema.table({"flavour": 1}, [rows.fact("epochs", 3)])


def test_settings_come_back_as_written(tmp_path: Path) -> None:
    settings = {"text": 'a "quoted" \\ text', "number": 3, "share": 0.5, "flag": True, "none": None}
    store.write_settings(settings, tmp_path / store.SETTINGS)
    assert store.read_settings(tmp_path / store.SETTINGS) == {k: v for k, v in settings.items() if v is not None}


def test_nothing_half_written_stays(tmp_path: Path) -> None:
    store.write_frame(schema.table(shared(), [rows.fact("epochs", 3)]), tmp_path / "table.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["table.parquet"]


def test_no_results_and_damaged_results_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="linrec train"):
        store.read(tmp_path)
    path = tmp_path / "runs" / "r" / store.TABLE
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not parquet")
    with pytest.raises(DataError, match="delete that run"):
        store.read(tmp_path)
    pl.DataFrame({"run": ["r"], "other": [1]}).write_parquet(path)
    with pytest.raises(DataError, match="no table of linrec, it lacks command"):
        store.read(tmp_path)


def test_what_is_no_number_is_an_error_and_not_drawn(tmp_path: Path) -> None:
    row = {"run": "r", "command": "profile", "attention": "linear", "metric": "seconds", "low": 1.0}
    store.write_frame(schema.table({}, [row | {"value": float("nan")}, row | {"value": 2.0}]), tmp_path / store.TABLE)
    found = store.read(tmp_path).select("value", "status", "note").rows()
    assert found == [(None, "error", "not a number"), (2.0, "ok", None)]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a = [", b"a"])
def test_damaged_settings_say_what_to_do(tmp_path: Path, content: bytes) -> None:
    (tmp_path / store.SETTINGS).write_bytes(content)
    with pytest.raises(DataError, match="make the run again"):
        store.read_settings(tmp_path / store.SETTINGS)
