"""`linrec train` lays out its cells, checks each before any is trained, trains them, and shows them all."""

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest
import torch

from linrec_cli import disk
from linrec_cli.cli import dry_run, run, train_table
from linrec_cli.cli.train import beyond, fitting
from linrec_cli.data.sequences import Sequences
from linrec_cli.errors import DataError
from linrec_cli.results import schema, store
from linrec_cli.runs.axes import cells
from linrec_cli.runs.data import Dataset
from linrec_cli.settings import Train, resolved
from linrec_cli.training import checkpoint

SMALL = ["--width", "8", "--layers", "1", "--tokens", "200", "--maxlen", "20", "--threads", "1", "--device", "cpu"]
TRAIN = ["train", "--data", "ring.csv", "--epochs", "2", *SMALL]
sweep = importlib.import_module("linrec_cli.runs.sweep")
AWARE = "hstu:time=true:time_aware=true"


def runs(room: Path) -> list[Path]:
    return sorted((room / "results" / "runs").iterdir())


def stored(folder: Path) -> dict[str, Any]:
    return store.read_settings(folder / store.SETTINGS)


def weights(folder: Path) -> str:
    return checkpoint.digest(checkpoint.read_weights(folder, "cpu"))


def test_a_run_writes_its_rows_history_ranks_weights_and_settings(
    room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(TRAIN) == 0
    (folder,) = runs(room)
    names = {path.name for path in folder.iterdir()} - {".lock"}
    assert names == {
        "settings.toml",
        "table.parquet",
        "history.parquet",
        "ranks.parquet",
        "weights.safetensors",
    }
    table = store.read(room / "results")
    assert set(table["metric"]) >= {"recall", "ndcg", "mrr", "seconds_per_epoch", "peak_bytes"}
    assert table.filter(stage="test", metric="ndcg", k=10)["protocol"].item() == "full"
    assert pl.read_parquet(folder / "history.parquet").height == 2
    assert store.read_ranks(folder / "ranks.parquet").group_by("stage").len().sort("stage").rows() == [
        ("test", 60),
        ("valid", 60),
    ]
    assert folder.name in capsys.readouterr().err


def test_where_the_data_are_prepared_the_run_has_a_process_of_its_own_as_what_that_left_would_hide_a_peak(
    room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = []
    monkeypatch.setattr(sweep, "apart", lambda settings, *of: (own.append(settings.seed), sweep.attempt(settings, *of)))
    for seed in ("1", "2"):
        assert run([*TRAIN, "--seed", seed]) == 0
    assert own == [1]


def test_a_time_aware_model_is_trained_evaluated_and_measured_and_recommends_to_nobody(
    room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*TRAIN, "--model", AWARE]) == 0
    assert "Time-aware models are told when their target was" in " ".join(capsys.readouterr().out.split())
    assert run(["evaluate", "hstu", "--threads", "1"]) == 0
    assert store.read(room / "results")["time_aware"].all()
    asked = ["--maxlen", "4", "--tokens", "8", "--items", "9", "--width", "8", "--threads", "1", "--budget", "0.1"]
    assert run(["profile", "--model", AWARE, "--phase", "step,evaluate", *asked]) == 0
    capsys.readouterr()
    assert run(["recommend", "hstu", "--user", "u1"]) == 3
    assert "which nobody knows yet" in capsys.readouterr().err


def test_the_same_command_again_skips_and_fresh_makes_the_same_anew(
    room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(TRAIN) == 0
    first = weights(runs(room)[0])
    capsys.readouterr()
    assert run(TRAIN) == 0
    assert "done already" in capsys.readouterr().err
    assert run([*TRAIN, "--fresh"]) == 0
    assert "done already" not in capsys.readouterr().err
    assert weights(runs(room)[0]) == first


def tables(sweep: Sequence[Train], ndcg: Sequence[float | None]) -> list[pl.DataFrame]:
    """Tables of finished cells; None is one that failed."""
    shared = {"command": "train", "unit": "1"}
    test = {"stage": "test", "k": 10}
    found = []
    for cell, number in zip(sweep, ndcg, strict=True):
        if number is None:
            rows = [{"stage": "train", "metric": "run", "status": "oom", "note": "full"}]
        else:
            values = {"recall": 2 * number, "ndcg": number, "mrr": number / 2}
            rows = [test | {"metric": m, "value": v, "low": v - 0.01, "high": v + 0.01} for m, v in values.items()]
            # Other cut-offs and the validation are in the table too.
            rows += [row | other | {"value": 0.9} for row in rows for other in ({"k": 20}, {"stage": "valid"})]
            rows += [{"stage": "train", "metric": m, "value": v} for m, v in (("seconds_per_epoch", 7.25),
                     ("peak_bytes", 3.0 * 2**20))]  # fmt: skip
        found.append(schema.table(shared | {"run": cell.name}, rows))
    return found


def shown(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    """What was printed, a line a list of words."""
    return [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]


def test_a_cell_is_a_line_and_seeds_are_averaged(capsys: pytest.CaptureFixture[str]) -> None:
    sweep = cells({}, {"attn": ["softmax", "linear"], "seed": [0, 1]})
    train_table.show(sweep, tables(sweep, [0.2, 0.3, 0.1, None]), Path("results"), as_json=False)
    lines = shown(capsys)
    assert lines[0] == ["ml-100k,", "sasrec,", "test", "of", "the", "best", "validation", "epoch"]
    assert lines[1] == ["attention", "maxlen", "seed", "Recall@10", "NDCG@10", "±", "MRR@10", "epoch", "MiB"]
    assert lines[3] == ["softmax", "200", "0", "0.4000", "0.2000", "0.0100", "0.1000", "7.2", "s", "3"]
    assert lines[6] == ["linear", "200", "1", "–", "oom", "–", "–", "–", "–"]
    # The mean of .2 and .3, and their standard deviation over seeds; of one seed alone there is none.
    assert lines[7] == ["softmax", "200", "mean", "0.5000", "0.2500", "0.0707", "0.1250"]
    assert lines[8][0] == "leave-one-out,"


@pytest.mark.parametrize(
    ("column", "warning"),
    [("contended", "Others used the cores meanwhile: times are too long."),
     ("time_aware", "Time-aware models are told when their target was, and are no match for others.")],
)  # fmt: skip
@pytest.mark.parametrize(("value", "said"), [(None, False), (False, False), (True, True)])
def test_times_taken_beside_others_and_models_told_too_much_are_said_to_be(
    capsys: pytest.CaptureFixture[str], column: str, warning: str, value: bool | None, said: bool
) -> None:
    sweep = cells({}, {"seed": [0, 1]})
    first, second = tables(sweep, [0.2, 0.3])
    beside = pl.when(metric="seconds_per_epoch").then(pl.lit(value)).alias(column)
    train_table.show(sweep, [first, second.with_columns(beside)], Path("results"), as_json=False)
    caption = " ".join(word for line in shown(capsys) for word in line)
    assert (warning in caption) == said


def test_a_column_tells_each_axis_that_varies(capsys: pytest.CaptureFixture[str]) -> None:
    sweep = cells({"width": 8}, {"lr": [1e-3, 3e-3], "weight_decay": [0.0, 0.1], "seed": [0, 1]})
    train_table.show(sweep, tables(sweep, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]), Path("results"), as_json=False)
    lines = shown(capsys)
    assert lines[0][:6] == ["ml-100k,", "sasrec,", "linear,", "maxlen", "200,", "test"]
    assert lines[1][:4] == ["lr", "weight", "decay", "seed"]
    assert [line[:3] for line in lines[3:15]] == [
        *([lr, decay, seed] for lr in ("0.001", "0.003") for decay in ("0.0", "0.1") for seed in "01"),
        *([lr, decay, "mean"] for lr in ("0.001", "0.003") for decay in ("0.0", "0.1")),
    ]
    assert [line[4] for line in lines[11:15]] == ["0.1500", "0.3500", "0.5500", "0.7500"]


def test_a_model_that_takes_no_mechanism_has_none_in_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    sweep = cells({}, {"model": ["sasrec", "popular"]})
    train_table.show(sweep, tables(sweep, [0.1, 0.2]), Path("results"), as_json=False)
    lines = shown(capsys)
    assert lines[0][:5] == ["ml-100k,", "maxlen", "200,", "seed", "0,"]
    assert [line[:2] for line in lines if line[0] in ("sasrec", "popular")] == [
        ["sasrec", "0.2000"],
        ["popular", "0.4000"],
    ]
    (alone,) = cells({}, {"model": ["popular"]})
    train_table.show([alone], tables([alone], [0.1]), Path("results"), as_json=False)
    assert shown(capsys)[3][:3] == ["–", "200", "0"]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train the cells of a sweep in this process."""
    monkeypatch.setattr(sweep, "apart", sweep.attempt)


def test_any_axis_makes_a_sweep(room: Path, here: None, capsys: pytest.CaptureFixture[str]) -> None:
    (room / "linrec.toml").write_text("[train]\nlr = [1e-3, 1e-2]\n", "utf-8")
    assert run(["train", "--data", "ring.csv", "--epochs", "1", *SMALL, "--width", "8,16", "--attn", "mean,elu"]) == 0
    assert len(runs(room)) == 8
    found = {(one["width"], one["lr"], one["attn"]) for one in map(stored, runs(room))}
    assert found == {(w, lr, a) for w in (8, 16) for lr in (1e-3, 1e-2) for a in ("mean", "elu")}
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    (head,) = (line for line in lines if "NDCG@10" in line)
    assert head[:4] == ["width", "lr", "attention", "Recall@10"]


def test_json_is_one_document_on_stdout(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*TRAIN, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {row["command"] for row in document["rows"]} == {"train"}


def test_lengths_that_no_history_has_are_said_to_read_no_more(
    sequences: Sequences, room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*TRAIN, "--maxlen", "4000", "--dry-run"]) == 0
    assert "at maxlen 4,000 no more is read." in capsys.readouterr().err
    data = cast("Dataset", SimpleNamespace(sequences=sequences))
    longest = int(sequences.offsets.diff().max())
    told = [replace(Train(), maxlen=maxlen) for maxlen in (3000, longest, 2000, 3000)]
    said = f"no history has more than {longest} events: at maxlen 2,000, 3,000 no more is read."
    assert (beyond(told, data), beyond(told[1:2], data)) == (said, "")


def test_a_killed_run_goes_on_and_ends_with_the_weights_of_one_that_was_not(room: Path) -> None:
    long = [*TRAIN[:3], "--epochs", "12", *SMALL]
    command = [sys.executable, "-m", "linrec_cli", *long, "--results-dir", "killed"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 120
    while not list(room.glob("killed/runs/*/checkpoint.safetensors")):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not list(room.glob("killed/runs/*/table.parquet")), "it was done before it was killed"
    assert run([*long, "--results-dir", "killed"]) == 0
    assert run([*long, "--results-dir", "whole"]) == 0
    (killed,), (whole,) = room.glob("killed/runs/*"), room.glob("whole/runs/*")
    assert weights(killed) == weights(whole)
    losses = [pl.read_parquet(folder / "history.parquet")["loss"].to_list() for folder in (killed, whole)]
    assert losses[0] == losses[1]


def test_a_run_that_another_process_trains_is_left_alone(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*TRAIN, "--dry-run", "--json"]) == 0
    folder = room / "results" / "runs" / json.loads(capsys.readouterr().out)["cells"][0]["run"]
    folder.mkdir(parents=True)
    with disk.locked(folder):
        assert run(TRAIN) == 3
    assert capsys.readouterr().err.count("another process is at work") == 1
    assert [path.name for path in folder.iterdir()] == [".lock"]


def test_resume_says_that_there_is_nothing_to_take_up(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*TRAIN, "--resume"]) == 0
    assert "nothing to take up" in capsys.readouterr().err


def test_a_sweep_goes_on_past_a_cell_that_fails_and_exits_4(
    room: Path, here: None, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = [*TRAIN, "--seed", "0,1", "--lr", "1e-3"]
    # The first cell's checkpoint is damaged: that cell fails, the other does not.
    assert run([*sweep, "--dry-run", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)["cells"][0]["run"]
    folder = room / "results" / "runs" / first
    folder.mkdir(parents=True)
    (folder / "checkpoint.safetensors").write_bytes(b"broken")
    assert run(sweep) == 4
    status = store.read(room / "results").group_by("seed").agg(pl.col("status").first()).sort("seed")
    assert status["status"].to_list() == ["error", "ok"]
    assert "--fresh" in store.read(room / "results").filter(seed=0)["note"].item()


def test_a_dry_run_says_where_each_setting_came_from_and_trains_nothing(
    room: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (room / "linrec.toml").write_text("[train]\nlayers = 1\nmaxlen = [10, 20]\n", "utf-8")
    monkeypatch.setenv("LINREC_TRAIN_DROPOUT", "0.1")
    assert run(["train", "--data", "ring.csv", "--width", "8", "--dry-run", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    settings = document["settings"]
    assert settings["width"] == [8, "flag"]
    assert settings["dropout"] == [0.1, "environment"]
    assert settings["layers"] == [1, "linrec.toml"]
    assert settings["heads"] == [2, "default"]
    assert [cell["maxlen"] for cell in document["cells"]] == [10, 20]
    assert settings["attn"] == ["linear", "default"]
    assert settings["data_digest"][1] == "data"
    assert document["cells"][0]["estimate"]["seconds"] > 0
    assert not (room / "results").exists()


def test_a_preset_comes_after_flags_and_the_environment_and_before_the_file(
    room: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (room / "linrec.toml").write_text("[train]\nheads = 1\npatience = 20\n", "utf-8")
    monkeypatch.setenv("LINREC_TRAIN_DROPOUT", "0.1")
    own = ["--data", "ring.csv", "--width", "8", "--tokens", "200", "--dry-run", "--json"]
    assert run(["train", "--preset", "best", *own]) == 0
    settings = json.loads(capsys.readouterr().out)["settings"]
    assert settings["attn"] == ["linear-gated", "preset"]
    assert settings["heads"] == [4, "preset"]
    assert settings["width"] == [8, "flag"]
    assert settings["dropout"] == [0.1, "environment"]
    assert settings["patience"] == [20, "linrec.toml"]
    assert settings["lr"][1] == "default"
    # It need not stand on the command line.
    monkeypatch.setenv("LINREC_TRAIN_PRESET", "best")
    assert run(["train", *own]) == 0
    assert json.loads(capsys.readouterr().out)["settings"] == settings
    assert run(["train", "--preset", "bets", *own]) == 2
    assert "did you mean 'best'" in capsys.readouterr().err


def test_a_dry_run_shows_all_values_of_an_axis_and_estimates_each_cell_but_for_its_seed(
    room: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def estimated(cell: Train, data: Any) -> dict[str, Any]:
        asked.append((cell.width, cell.lr))
        return {"parameters": cell.width, "batches": 1, "targets": 2, "seconds": 3.0, "peak_bytes": 2.0**20}

    monkeypatch.setattr(dry_run, "estimated", estimated)
    sweep = ["--width", "8,16", "--lr", "1e-3,1e-2", "--seed", "0,1"]
    assert run(["train", "--data", "ring.csv", "--dry-run", *sweep]) == 0
    assert asked == [(8, 1e-3), (8, 1e-2), (16, 1e-3), (16, 1e-2)]
    lines = shown(capsys)
    assert ["width", "8,16", "flag"] in lines
    assert ["lr", "0.001,0.01", "flag"] in lines
    assert ["seed", "0,1", "flag"] in lines
    (head,) = (number for number, line in enumerate(lines) if "s/epoch" in line)
    assert lines[head] == ["width", "lr", "seed", "parameters", "batches", "targets", "s/epoch", "MiB"]
    assert lines[head + 9] == ["16", "0.01", "1", "16", "1", "2", "3.0", "s", "1"]


def test_a_dry_run_on_a_gpu_tells_the_memory_of_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    from linrec_cli.profiling import memory
    from linrec_cli.training import estimate

    made = estimate.Estimate(1, 2, 3, 4.0, 5)
    monkeypatch.setattr(estimate, "estimate", lambda *given: made)
    monkeypatch.setattr(memory, "above", lambda before: pytest.fail("the host's memory was read"))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: None)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: 3_000_000)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 10_000_000)
    there = SimpleNamespace(to=lambda device: device)
    data: Any = SimpleNamespace(sequences=there, split=lambda name: there)
    assert dry_run.estimated(Train(device="cuda"), data)["peak_bytes"] == 7e6


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--attn", "liner"], 2, "did you mean 'linear'"),
        (["--attn", "linear,local:window=0"], 2, "window"),
        (["--attn", "linear,local:width=3"], 2, "no option 'width' of 'local'"),
        (["--model", "sasrec,bert4rec", "--attn", "linear,ssd"], 2, "'ssd' has no bidirectional form"),
        (["--model", "popular,sasrec", "--attn", "linear"], 2, "model popular takes no --attn"),
        (["--model", "sasrec,bert4rec", "--objective", "next"], 2, "use --objective cloze"),
        (["--objective", "next,claze"], 2, "did you mean 'cloze'"),
        (["--loss", "cross-entropy,bce:negatives=few"], 2, "give int"),
        (["--split", "leave-one-out,ratio:train=2"], 2, "train=2"),
        (["--width", "8,9"], 2, "--width 9 does not split"),
        (["--width", "65536", "--layers", "256"], 2, "GB to train, of"),
        (["--attn", "linear,performer:features=99999999"], 2, "is out of range; give 0 to 16,384"),
        (["--lr", "0.1,20"], 2, "--lr 20.0 is out of range"),
        (["--dropout", "0.1,a"], 2, "--dropout takes numbers"),
        (["--model", "sasrek"], 2, "did you mean 'sasrec'"),
        (["--width", "7"], 2, "does not split"),
        (["--seed", "one"], 2, "--seed takes whole numbers"),
        (["--seed", "-1"], 2, "--seed"),
        (["--maxlen", "5,,6"], 2, "empty entry"),
        (["--maxlen", "0"], 2, "--maxlen 0 is out of range"),
        (["--epochs", "0"], 2, "--epochs 0 is out of range"),
        (["--dtype", "float16"], 2, "no dtype 'float16'"),
        (["--device", "tpu"], 2, "no device 'tpu'"),
        (["--data", "nowhere.csv"], 3, "nowhere.csv"),
        (["--widht", "7"], 2, "--width"),
        (["--model", "sasrec,sine:interests=0"], 2, "interests=0"),
        (["--model", "sasrec,fdsa"], 3, "nothing is known of the items"),
        (["--model", "sasrecf", "--dry-run"], 3, "or take --model sasrec"),
        (["--data", "untimed.csv", "--model", "sasrec,hstu:time=true"], 3, "these histories have none"),
    ],
)
def test_bad_input_is_one_line_and_the_right_exit_code(
    room: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    events = (room / "ring.csv").read_text("utf-8").splitlines()
    (room / "untimed.csv").write_text("\n".join(line.rpartition(",")[0] for line in events), "utf-8")
    assert run([*TRAIN, *arguments]) == code
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("linrec: ")
    assert message in error
    assert not (room / "results").exists()


def test_a_model_that_reads_features_or_times_fits_data_that_have_them(sequences: Sequences) -> None:
    timed = replace(sequences, times=torch.arange(len(sequences.flat)))
    models = ("fdsa", "sasrecf", "hstu:time=true", AWARE)
    asked = [resolved(Train(model=model, maxlen=9, width=8)) for model in models]
    fitting(asked, Dataset(cast(Any, None), timed, "ring"))
    for cell, left_out in zip(asked, ("features", "features", "times", "times"), strict=True):
        with pytest.raises(DataError):
            fitting([cell], Dataset(cast(Any, None), replace(timed, **{left_out: None}), "ring"))


@pytest.mark.parametrize("key", ["seen", "seen-items", "seen_items"])
def test_linrec_toml_has_what_flags_are_called(room: Path, key: str) -> None:
    (room / "linrec.toml").write_text(f'[train]\n{key} = "remove"\n', "utf-8")
    assert run([*TRAIN, "--model", "popular"]) == 0
    (folder,) = runs(room)
    assert stored(folder)["seen_items"] == "remove"


def test_a_run_is_taken_up_or_begun_anew_and_not_both(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*TRAIN, "--resume", "--fresh"]) == 2
    assert "--resume takes up what --fresh discards; give one of them." in capsys.readouterr().err
    assert not (room / "results").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[train]\nwidht = 3\n", "did you mean 'width'"),
        ("[trian]\nwidth = 3\n", "did you mean 'train'"),
        ("data_dri = 'x'\n", "data-dir"),
        ("width = \n", "not valid TOML"),
    ],
)
def test_an_unknown_key_in_linrec_toml_is_an_error_with_a_suggestion(
    room: Path, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    (room / "linrec.toml").write_text(content, "utf-8")
    assert run(TRAIN) == 2
    assert message in capsys.readouterr().err


def test_histories_too_short_to_train_on_are_told_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("short.csv").write_text("user,item,t\n" + "".join(f"{u},{i},{i}\n" for u in range(20) for i in range(3)))
    for more in ([], ["--dry-run"], ["--seed", "0,1"], ["--model", "sasrec,popular"]):
        assert run(["train", "--data", "short.csv", "--min-user", "0", "--min-item", "0", *SMALL, *more]) == 3
        assert (
            capsys.readouterr().err.splitlines()[-1].startswith("linrec: nothing is left to train on: the longest of")
        )
    assert not Path("results").exists()


def test_files_that_are_split_are_trained_as_they_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, steps in (("a", range(6)), ("b", range(6, 8)), ("c", range(8, 9))):
        rows = "".join(f"{u},{(u + s) % 9},{s}\n" for u in range(9) for s in steps)
        Path(f"{name}.csv").write_text(f"user,item,t\n{rows}")
    split = ["--train", "a.csv", "--valid", "b.csv", "--test", "c.csv"]
    assert run(["train", *split, "--epochs", "1", *SMALL]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "given, full ranking, seen items" in shown
    assert "Events ordered by t." in shown
    assert "Hardly anything to tell by: 9 items to rank among and 9 users." in shown
    table = store.read(Path("results"))
    assert table.drop_nulls("k")["split"].unique().to_list() == ["given"]
    assert table["order"].unique().to_list() == ["t"]
    (ranks,) = Path("results/runs").glob("*/ranks.parquet")
    assert pl.read_parquet(ranks)["stage"].value_counts().sort("stage").rows() == [("test", 9), ("valid", 18)]
    capsys.readouterr()
    assert run(["preprocess", *split, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["interactions"] == 81


@pytest.mark.parametrize("name", ["a [1]*", "журнал $x_1$", "-a b"])
def test_no_name_of_data_or_results_keeps_a_run_from_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{u},{(u + s) % 9},{s}\n" for u in range(9) for s in range(8))
    Path(f"{name}.csv").write_text(f"user,item,t\n{rows}")
    where = ["--results-dir", f"./{name} results", "--data-dir", f"./{name} data"]
    assert run(["train", "--data", f"./{name}.csv", "--model", "popular", "--threads", "1", *where]) == 0
    (folder,) = Path(f"{name} results/runs").iterdir()
    assert run(["evaluate", str(folder.absolute()), *where]) == 0
    assert run(["show", str(folder.absolute())]) == 0
    for command in ("plot", "report"):
        assert run([command, f"./{name} results"]) == 0


def test_a_warning_of_some_items_alone_says_of_which() -> None:
    few, both = "hardly anything to tell NDCG by: 9 users", "all of it"
    rows = [{"k": 10, "stage": stage, "note": note} for stage, note in (("valid", few), ("test", f"{few} more"))]
    plain = dict.fromkeys(train_table.WARNINGS)
    said = train_table.warned([[row | plain for row in rows]])
    assert said == [
        "Hardly anything to tell NDCG by: 9 users (valid).",
        "Hardly anything to tell NDCG by: 9 users more (test).",
    ]
    shared = [{"k": 10, "stage": stage, "note": both} | plain for stage in ("valid", "test")]
    assert train_table.warned([shared]) == ["All of it."]
