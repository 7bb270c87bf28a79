"""`linrec show` lists what a results folder holds, and shows one run of it, whatever state that is in."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import save_file

from linrec_cli.cli import run
from linrec_cli.cli.chart import HIGH, WIDE, chart
from linrec_cli.results import rows, schema, store
from linrec_cli.settings import Train, resolved

ENVIRONMENT = {"device": "cpu Example 9000", "torch": "2", "linrec": "0.1.0", "commit": "abc123"}
PROFILE = {"attn": ["softmax", "linear"], "maxlen": [128, 256, 512], "phase": ["step"], "width": [8], "heads": [2]}


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a run of each kind and state."""
    monkeypatch.setenv("LINREC_RESULTS_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "100")
    trained(tmp_path / "runs" / "ring-linear-finished", 1, [rows.fact("epochs", 3), *quality(0.25)])
    trained(tmp_path / "runs" / "ring-linear-failed", 2, [rows.failure("oom", "memory ran out")], epochs=0)
    profiled(tmp_path / "runs" / "profile-finished", 3, [128, 256, 512])
    profiled(tmp_path / "runs" / "profile-stopped", 4, [128, 256])
    folder = tmp_path / "runs" / "ring-linear-stopped"
    store.write_settings({"attn": "linear", "maxlen": 50}, folder / store.SETTINGS)
    counters = {"epoch": 2, "history": [epoch(n, 0.1 * n) for n in (1, 2)]}
    save_file({"x": np.zeros(1)}, folder / "checkpoint.safetensors", {"counters": json.dumps(counters)})
    return tmp_path


def quality(ndcg: float) -> list[rows.Row]:
    summary = pl.DataFrame({"metric": ["recall", "ndcg"], "k": [10, 10], "value": [0.5, ndcg], "low": 0.2, "high": 0.6})
    return rows.quality("test", summary)


def epoch(number: int, ndcg: float) -> dict[str, float]:
    return {"epoch": number, "loss": 9.0 - number, "ndcg": ndcg}


def trained(folder: Path, day: int, made: list[rows.Row], epochs: int = 3) -> None:
    """Write a training run as `linrec train` does."""
    shared = rows.shared(
        resolved(Train()), "train", folder.name, datetime(2026, 1, day, 12, 30, tzinfo=UTC), ENVIRONMENT
    )
    store.write_frame(schema.table(shared, made), folder / store.TABLE)
    store.write_settings({"attn": "linear", "maxlen": 200, "data": "ring"}, folder / store.SETTINGS)
    if epochs:
        history = pl.DataFrame([epoch(n, 0.25 - 0.05 * (n - 2) ** 2) for n in range(1, epochs + 1)])
        store.write_frame(history, folder / "history.parquet")


def profiled(folder: Path, day: int, lengths: list[int]) -> None:
    """Write a profile: softmax takes 1 ms a position, linear 200 ms; the latter fails at the longest."""
    made = []
    for maxlen in lengths:
        for attention, seconds in (("softmax", 0.001 * maxlen), ("linear", 0.2)):
            same = {"attention": attention, "options": "", "maxlen": maxlen, "phase": "step"}
            made.append(same | {"metric": "seconds", "unit": "s", "value": seconds, "samples": [seconds] * 3})
            made.append(same | {"metric": "peak_bytes", "stage": "rss", "unit": "B", "value": 2.0**20, "samples": []})
    made[-2] |= {"note": "a remark"}
    shared = {"run": folder.name, "command": "profile", "tokens": 512, "width": 8, "heads": 2, "dtype": "float32"}
    created = datetime(2026, 1, day, tzinfo=UTC)
    store.write_frame(schema.table(shared | ENVIRONMENT | {"created": created}, made), folder / store.TABLE)
    store.write_settings(PROFILE, folder / store.SETTINGS)


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["show", *arguments]) == 0
    return capsys.readouterr().out


def test_a_run_is_a_line_with_its_state_and_its_number_the_latest_last(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(capsys).splitlines()
    assert [" ".join(line.split()) for line in lines[:4]] == [
        "finished 2026-01-01 12:30 ring-linear-finished NDCG@10 0.2500, test",
        "failed 2026-01-02 12:30 ring-linear-failed oom: memory ran out",
        "finished 2026-01-03 00:00 profile-finished fastest step at 512: linear, 200 ms",
        "unfinished 2026-01-04 00:00 profile-stopped fastest step at 256: linear, 200 ms",
    ]
    assert lines[4].startswith("unfinished  2")
    assert lines[4].endswith("ring-linear-stopped   2 epochs, best valid NDCG@10 0.2000")
    assert len(lines) == 5


def test_the_list_is_a_document_too(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(shown(capsys, "--json"))
    first = document["runs"][0]
    assert first["run"] == "ring-linear-finished"
    assert (first["command"], first["state"], first["headline"]) == ("train", "finished", "NDCG@10 0.2500, test")


def test_a_training_run_has_settings_curve_table_origin_and_what_is_missing(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = shown(capsys, "linear-finished")
    assert "ring-linear-finished\ntrain, finished, 2026-01-01 12:30 UTC\n" in out
    assert "Settings: attn linear, maxlen 200, data ring\n" in out
    assert "Validation NDCG@10 by epoch, best 0.2500 at 2:\n    0.25 |    *\n" in out
    assert "Training loss by epoch, best 6.0000 at 3:\n       8 |*\n" in out
    assert ["test", "NDCG@10", "0.25", "0.2", "0.6", "1"] in [line.split() for line in out.splitlines()]
    made = f"commit abc123, linrec 0.1.0, torch 2, benchmark {schema.BENCHMARK}"
    assert f"Made with: {made},\ndevice cpu Example 9000," in out
    assert out.endswith(
        "Missing:\n  weights.safetensors: the run cannot be evaluated again\n"
        "  ranks.parquet: there are no ranks by user\n"
    )


def test_a_setting_that_is_empty_is_not_told(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = results / "runs" / "ring-linear-finished" / store.SETTINGS
    path.unlink()
    store.write_settings({"attn": "", "maxlen": 200, "read_digest": "", "metrics": [], "warmup": 0}, path)
    assert "Settings: maxlen 200, warmup 0\n" in shown(capsys, "linear-finished")


def test_a_run_as_train_leaves_it_lacks_nothing(trained_once: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder,) = trained_once.glob("results/runs/*-softmax-*")
    out = shown(capsys, str(folder))
    assert out.endswith("Nothing is missing.\n")
    assert max(map(len, out.splitlines())) <= 80


def test_a_profile_has_its_tables_and_how_it_scales(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, "profile-finished")
    assert ["512", "linear", "200", "0.39x", "1.0"] in [line.split() for line in out.splitlines()]
    assert "linear overtakes softmax between 128 and 256 (at 200, 200 to 200); at 512 it is 2.6x faster" in out
    assert out.endswith("Nothing is missing.\n")


def test_a_profile_that_was_stopped_names_the_cells_it_lacks(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, "profile-stopped")
    assert "profile, unfinished" in out
    assert "  not measured: softmax at 512, step; linear at 512, step\n" in out


def test_a_run_that_was_stopped_has_the_curve_of_its_checkpoint(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = shown(capsys, "ring-linear-stopped")
    assert "best 0.2000 at 2" in out
    assert out.endswith("  table.parquet: the run has not ended; the same command again goes on with it\n")


def test_a_run_that_failed_says_why(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "  linear at 200, run: oom: memory ran out\n" in shown(capsys, "ring-linear-failed")


def test_what_is_damaged_does_not_hide_the_rest(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (results / "runs" / "profile-finished" / store.TABLE).write_bytes(b"not parquet")
    (results / "runs" / "ring-linear-finished" / "history.parquet").write_bytes(b"neither")
    states = [line.split()[0] for line in shown(capsys).splitlines()]
    assert sorted(states) == ["damaged", "damaged", "failed", "unfinished", "unfinished"]
    assert "delete that run and make it again" in shown(capsys, "profile-finished")
    assert "NDCG@10" in shown(capsys, "ring-linear-finished")


def test_a_run_is_a_document_too(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(shown(capsys, "ring-linear-finished", "--json"))
    assert document["settings"] == {"attn": "linear", "maxlen": 200, "data": "ring"}
    assert [point["epoch"] for point in document["history"]] == [1, 2, 3]
    assert [row["metric"] for row in document["rows"]] == ["epochs", "recall", "ndcg"]
    assert len(document["missing"]) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["linear-finishd"], 2, "no run 'linear-finishd'"),
        (["ring"], 2, "'ring' fits 3 runs; name one: ring-linear-failed"),
        (["--results-dir", "nowhere"], 3, "no runs in nowhere; run `linrec train`"),
    ],
)
def test_what_is_not_there_is_one_line_and_the_right_exit_code(
    results: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    assert run(["show", *arguments]) == code
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_chart_is_drawn_from_its_highest_value_down() -> None:
    lines = chart([0.0, 7.0, 3.0])
    assert lines == [
        "       7 |    *",
        "         |",
        "         |",
        "         |",
        "         |        *",
        "         |",
        "         |",
        "       0 |*",
        "          1       3",
    ]


def test_a_long_curve_is_averaged_into_the_columns_there_are() -> None:
    lines = chart([float(n // 2) for n in range(2 * WIDE)])
    assert max(map(len, lines)) == WIDE + 10
    assert lines[HIGH - 1].startswith("       0 |*")
    assert lines[0].startswith(f"{WIDE - 1:8} |")
    assert lines[-1].endswith(f" {2 * WIDE}")


@pytest.mark.parametrize("values", [[], [float("nan")]])
def test_a_curve_without_a_number_is_no_chart(values: list[float]) -> None:
    assert chart(values) == []


def test_a_level_curve_is_drawn_and_what_is_not_finite_left_out() -> None:
    lines = chart([1.0, float("inf"), 1.0])
    assert [line for line in lines if "*" in line] == ["       1 |*       *"]


def test_a_curve_between_the_ends_of_what_numbers_can_be_is_drawn() -> None:
    lines = chart([-1.7e308, 0.0, 1.7e308])
    assert [line for line in lines if "*" in line] == ["1.7e+308 |        *", "         |    *", "-1.7e+308 |*"]
    assert any("*" in line for line in chart([0.0, 5e-324]))
