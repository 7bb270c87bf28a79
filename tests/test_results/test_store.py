"""Tables, settings and ranks come back as they were written, whichever linrec wrote them."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from linrec_cli.errors import DataError
from linrec_cli.results import rows, schema, store
from linrec_cli.settings import Train, resolved, setup

ENVIRONMENT = {"device": "cpu", "torch": "2", "linrec": "0", "commit": "abc"}
SETTINGS = resolved(Train(attn="local:window=1"))
SAID = {"run": "r", "command": "train", "attention": "linear", "maxlen": 8, "seed": 0, "metric": "epochs"}
SECONDS = {"command": "profile", "phase": "attention", "attention": "linear", "maxlen": 8, "metric": "seconds",
           "value": 2.0, "low": 1.0, "high": 3.0}  # fmt: skip
NEW = ("split", "objective", "loss")
"""Settings that older runs do not know, which have a neutral value."""


def shared(settings: Train = SETTINGS, command: str = "train") -> dict[str, object]:
    return rows.shared(settings, command, "a-run", datetime.now(UTC), ENVIRONMENT)


def written(folder: Path, frame: pl.DataFrame, settings: dict[str, object] | None = None) -> Path:
    store.write_frame(frame, folder / store.TABLE)
    if settings:
        store.write_settings(settings, folder / store.SETTINGS)
    return folder / store.TABLE


def test_a_table_comes_back_as_written(tmp_path: Path) -> None:
    table = schema.table(shared(), [rows.cost("seconds_per_epoch", [1.0, 2.0, 4.0]), rows.fact("epochs", 3)])
    written(store.folder(tmp_path, "a-run"), table, asdict(SETTINGS))
    assert store.read(tmp_path).equals(table)
    assert store.read(store.folder(tmp_path, "a-run")).equals(table)
    assert [path.name for path in tmp_path.glob("*/*")] == ["a-run"]


def test_the_tables_of_all_runs_are_one(tmp_path: Path) -> None:
    for name in ("b", "a"):
        written(store.folder(tmp_path, name), schema.table(SAID | {"run": name}, [{"value": 1.0}]))
    # A folder of figures beside the runs may hold tables too, and they are none of its results.
    written(tmp_path / "figures", schema.table(SAID | {"run": "c"}, [{"value": 1.0}]))
    assert store.read(tmp_path)["run"].to_list() == ["a", "b"]


def test_a_copy_of_a_run_adds_nothing_and_a_run_that_was_made_again_does(tmp_path: Path) -> None:
    first = schema.table(shared(), [rows.cost("seconds_per_epoch", [1.0, 2.0, 4.0]), rows.fact("epochs", 3)])
    again = first.with_columns(pl.col("created") + timedelta(days=1))
    written(store.folder(tmp_path, "a-run"), first)
    written(store.folder(tmp_path, "backup"), first)
    assert store.read(tmp_path).equals(first)
    # As it was before it had ended.
    written(store.folder(tmp_path, "half"), first.head(1))
    assert store.read(tmp_path).equals(first)
    written(store.folder(tmp_path, "of-another-day"), again)
    assert store.read(tmp_path).equals(pl.concat([first, again]))


def test_settings_come_back_as_written_and_what_is_none_is_left_out(tmp_path: Path) -> None:
    settings = {"text": 'a "quoted" \\ text \x7f', "number": 3, "share": 0.5, "flag": True, "none": None, "k": [1, 2]}
    store.write_settings(settings, tmp_path / store.SETTINGS)
    assert store.read_settings(tmp_path / store.SETTINGS) == {k: v for k, v in settings.items() if v is not None}


def test_nothing_half_written_stays(tmp_path: Path) -> None:
    written(tmp_path, schema.table(shared(), [rows.fact("epochs", 3)]))
    assert [path.name for path in tmp_path.iterdir()] == ["table.parquet"]


@pytest.mark.parametrize("name", ["a[1]", "a*", "a?b", "[ab]"])
def test_a_folders_name_is_no_pattern(tmp_path: Path, name: str) -> None:
    for one in (name, "a1", "aab", "b"):
        written(store.folder(tmp_path / one, "run"), schema.table(SAID | {"run": one}, [{"value": 1.0}]))
        ranks = pl.DataFrame({"stage": ["test"], "user": [1], "rank": [float(len(one))]})
        store.write_frame(ranks, store.folder(tmp_path / one, "run") / store.RANKS)
    assert store.read(tmp_path / name)["run"].to_list() == [name]
    assert store.read_ranks(tmp_path / name / "runs" / "run" / store.RANKS)["rank"].to_list() == [float(len(name))]


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


@pytest.mark.parametrize(
    ("row", "lack"),
    [
        ({"run": None}, "1 of its rows have no run"),
        ({"command": None}, "1 of its rows have no command"),
        ({"command": "bake"}, "there is no command 'bake'"),
        ({"metric": None}, "1 of its rows have no metric"),
        ({"value": None}, "1 of its rows have no value"),
        ({"value": None, "samples": [1.0]}, "1 of its rows have no value"),
        ({"maxlen": None}, "1 of its rows have no maxlen"),
        ({"attention": None}, "1 of its rows have no mechanism"),
        ({"attention": "", "model": None}, "1 of its rows have no mechanism"),
        ({"seed": None}, "1 of its rows have no seed"),
        ({"command": "evaluate", "maxlen": None}, "1 of its rows have no maxlen"),
        ({"command": "profile"}, "1 of its rows have no phase"),
        (SECONDS | {"maxlen": None}, "1 of its rows have no maxlen"),
        (SECONDS | {"maxlen": None, "value": None, "status": "oom"}, "1 of its rows have no maxlen"),
        (SECONDS | {"attention": None}, "1 of its rows have no mechanism"),
        (SECONDS | {"attention": ""}, "1 of its rows have no mechanism"),
        (SECONDS | {"low": None}, "1 of its rows have no low"),
        (SECONDS | {"high": None}, "1 of its rows have no high"),
    ],
)
def test_a_table_that_says_nothing_of_a_row_is_none_of_linrecs(
    tmp_path: Path, row: dict[str, object], lack: str
) -> None:
    table = schema.table({}, [SAID | {"value": 1.0}, SAID | {"value": 1.0} | row])
    with pytest.raises(DataError, match=f"no table of linrec: {lack}; delete that run"):
        store.read_table(written(tmp_path, table))


@pytest.mark.parametrize("moment", [-(2**62), -62_135_596_800_001, 253_402_300_800_000, 2**62])
def test_a_moment_beyond_all_years_is_none(tmp_path: Path, moment: int) -> None:
    table = schema.table(SAID, [{"value": 1.0}]).with_columns(created=pl.lit(moment).cast(schema.COLUMNS["created"]))
    assert store.read_table(written(tmp_path, table))["created"].to_list() == [None]
    for kept in store.YEARS:
        row = table.with_columns(created=pl.lit(kept).cast(schema.COLUMNS["created"]))
        assert store.read_table(written(tmp_path, row))["created"].to_list()[0].year in (1, 9999)


def test_what_may_have_no_value_needs_none(tmp_path: Path) -> None:
    crossover = {"command": "profile", "phase": "step", "attention": "linear", "metric": "crossover", "low": 3.0}
    table = schema.table({}, [SAID | {"value": None} | row for row in ({"status": "skipped"}, crossover)])
    assert store.read_table(written(tmp_path, table))["value"].to_list() == [None, None]


def test_what_is_of_the_machine_or_of_all_lengths_has_no_length_and_what_has_no_mechanism_its_model(
    tmp_path: Path,
) -> None:
    machine = {"phase": "machine", "maxlen": None, "attention": None, "metric": "flops_per_second"}
    slope = {"metric": "time_slope", "maxlen": None, "high": None}
    more = [machine, slope, {"attention": "", "model": "gru4rec", "phase": "step"}]
    table = schema.table(SAID, [SECONDS | row for row in more])
    assert store.read_table(written(tmp_path, table)).height == len(more)


def test_a_column_of_another_kind_or_a_status_that_is_none_is_no_table_of_linrec(tmp_path: Path) -> None:
    table = schema.table({}, [SAID | {"value": 1.0}])
    with pytest.raises(DataError, match=r"no table of linrec .*; delete that run"):
        store.read_table(written(tmp_path, table.with_columns(contended=pl.lit("x"))))
    with pytest.raises(DataError, match="1 of its rows have no status"):
        store.read_table(written(tmp_path, table.with_columns(status=pl.lit("fine"))))


def test_a_table_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file or directory; mend that"):
        store.read_frame(tmp_path / "table.parquet")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_an_error_and_not_drawn(tmp_path: Path, value: float) -> None:
    row = {"run": "r"} | SECONDS | {"high": None}
    written(tmp_path, schema.table({}, [row | {"value": value}, row | {"value": 2.0, "low": value, "high": value}]))
    found = store.read(tmp_path).select("value", "low", "high", "status", "note").rows()
    assert found == [(None, 1.0, None, "error", "not a number"), (2.0, None, None, "ok", None)]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a = [", b"a"])
def test_damaged_settings_say_what_to_do(tmp_path: Path, content: bytes) -> None:
    (tmp_path / store.SETTINGS).write_bytes(content)
    with pytest.raises(DataError, match="make the run again"):
        store.read_settings(tmp_path / store.SETTINGS)


def test_a_table_without_a_newer_column_says_nothing_there(tmp_path: Path) -> None:
    new = schema.table(SAID, [{"attention": "linear", "form": "causal", "value": 1.0}])
    written(store.folder(tmp_path, "new"), new)
    written(store.folder(tmp_path, "old"), new.drop("form"))
    both = store.read(tmp_path)
    assert both.schema == schema.COLUMNS
    assert both["form"].to_list() == ["causal", None]
    assert both["value"].to_list() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("command", "told"),
    [("train", ("next", "cross-entropy")), ("evaluate", ("next", "cross-entropy")), ("profile", (None, None))],
)
def test_before_there_was_a_choice_all_models_were_trained_alike(
    tmp_path: Path, command: str, told: tuple[str | None, str | None]
) -> None:
    old = schema.table(shared(command=command) | {"phase": "step"}, [rows.fact("epochs", 3)]).drop("objective", "loss")
    assert store.read_table(written(tmp_path, old)).select("objective", "loss").row(0) == told


def test_what_a_row_says_of_its_training_is_kept(tmp_path: Path) -> None:
    mine = schema.table(shared() | {"objective": "", "loss": "bce"}, [rows.fact("epochs", 3)])
    assert store.read_table(written(tmp_path, mine)).select("objective", "loss").row(0) == ("", "bce")


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_old_and_new_rows_of_equal_settings_share_their_setup(tmp_path: Path, command: str) -> None:
    old = schema.table(shared(command=command) | {"setup": "as it was"}, [rows.fact("epochs", 3)])
    stored = {name: value for name, value in asdict(SETTINGS).items() if name not in NEW}
    if command == "evaluate":
        stored |= {"protocol": "full", "ks": [1], "seen": "remove", "stage": "test", "negatives_seed": 0, "of": "x"}
    assert store.read_table(written(tmp_path, old, stored))["setup"].to_list() == [setup(SETTINGS)]
    other = store.read_table(written(tmp_path / "other", old, stored | {"width": 8}))
    assert other["setup"].item() not in ("as it was", setup(SETTINGS))


@pytest.mark.parametrize(
    "settings",
    [None, {"width": "wide"}, {"width": 0}, asdict(SETTINGS) | {"of_the_future": 1}],
)
def test_settings_that_cannot_be_understood_leave_the_setup_as_it_is(
    tmp_path: Path, settings: dict[str, object] | None
) -> None:
    table = schema.table(shared() | {"setup": "as it was"}, [rows.fact("epochs", 3)])
    assert store.read_table(written(tmp_path, table, settings))["setup"].item() == "as it was"


def test_a_profiles_setup_is_its_own(tmp_path: Path) -> None:
    table = schema.table(SAID | SECONDS | {"phase": "step", "setup": "items 50"}, [{}])
    assert store.read_table(written(tmp_path, table, {"attn": ["linear"]}))["setup"].item() == "items 50"


RANKS = [("test", 1, 3.0), ("test", 2, 1.5), ("valid", 1, 2.0), ("valid", 2, 9.0)]


@pytest.mark.parametrize(
    ("frame", "stage", "expected"),
    [
        ({"stage": ["test", "test"], "user": [1, 1], "rank": [3.0, 1.5]}, "", [("test", 1, 1.5), ("test", 1, 3.0)]),
        ({"user": [1, 2], "valid": [2.0, 9.0], "test": [3.0, 1.5]}, "", RANKS),
        ({"user": [1, 2], "rank": [2.0, 9.0]}, "valid", RANKS[2:]),
    ],
    ids=["long", "a stage a column", "of one stage"],
)
def test_ranks_are_a_target_a_row_in_whatever_form_they_were_written(
    tmp_path: Path, frame: dict[str, list[object]], stage: str, expected: list[tuple[str, int, float]]
) -> None:
    store.write_frame(pl.DataFrame(frame), tmp_path / store.RANKS)
    store.write_settings({"stage": stage}, tmp_path / store.SETTINGS)
    found = store.read_ranks(tmp_path / store.RANKS)
    assert found.columns == ["stage", "user", "rank"]
    assert sorted(found.rows()) == sorted(expected)


@pytest.mark.parametrize(
    "frame",
    [
        {"user": [1], "rank": ["3"]},
        {"user": [1, 2], "rank": [3.0, None]},
        {"user": [1, None], "rank": [3.0, 1.0]},
        {"user": [1], "rank": [0.5]},
        {"user": [1], "rank": [float("nan")]},
        {"user": [1], "rank": [float("inf")]},
        {"user": ["a"], "rank": [3.0]},
        {"user": [[1]], "rank": [3.0]},
        {"rank": [3.0]},
        {"user": [1], "stage": ["x"], "value": [3.0]},
    ],
)
def test_what_is_no_rank_is_named(tmp_path: Path, frame: dict[str, list[object]]) -> None:
    store.write_frame(
        pl.DataFrame({"stage": ["test"] * len(next(iter(frame.values())))} | frame), tmp_path / store.RANKS
    )
    with pytest.raises(DataError, match=r"ranks\.parquet holds .*; delete that run and make it again"):
        store.read_ranks(tmp_path / store.RANKS)
