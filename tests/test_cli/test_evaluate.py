"""`linrec evaluate` ranks under a protocol, shows runs side by side, and refuses what cannot be."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from linrec_cli import catalog
from linrec_cli.cli import run
from linrec_cli.cli.evaluate import heads
from linrec_cli.results import store


@pytest.fixture
def trained(trained_once: Path, room: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A copy of two finished runs to work in."""
    shutil.copytree(trained_once, room, dirs_exist_ok=True)
    capsys.readouterr()
    return room


def test_the_default_gives_the_numbers_of_the_training_run(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "sasrec-linear", "--json", "--device", "cpu"]) == 0
    document = json.loads(capsys.readouterr().out)
    table = store.read(trained / "results").filter(command="train", attention="linear", stage="test")
    # Beside them stands what training knew nothing of: nothing here.
    assert [row["value"] for row in document["rows"]] == [*table["value"], 0.0, 0.0]
    assert [row["metric"] for row in document["rows"][-2:]] == ["cold_items", "cold_users"]
    assert document["how"]["protocol"] == "full"
    assert "significance" not in document


def test_runs_stand_side_by_side_a_metric_a_line(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    how = ["--k", "10,3", "--stage", "valid", "--seen", "rank", "--threads", "1"]
    assert run(["evaluate", "sasrec-linear", "sasrec-softmax", *how]) == 0
    shown = capsys.readouterr()
    lines = [line.split() for line in shown.out.splitlines() if line.strip()]
    assert lines[0] == ["ring,", "valid"]
    assert lines[1] == ["metric", "linear", "20", "s0", "softmax", "20", "s0"]
    assert sorted(line[0] for line in lines[3:9]) == ["MRR@10", "MRR@3", "NDCG@10", "NDCG@3", "Recall@10", "Recall@3"]
    rows = store.read(trained / "results").filter(command="evaluate", metric="ndcg", k=10)
    (line,) = (line for line in lines if line[0] == "NDCG@10")
    for place, attention in ((1, "linear"), (3, "softmax")):
        (row,) = rows.filter(attention=attention).to_dicts()
        assert line[place : place + 2] == [f"{row['value']:.4f}", f"±{row['high'] - row['value']:.4f}"]
    assert lines[9] == ["repeat_share", *[f"{rows_of(trained, 'repeat_share')['value'][0]:.4f}"] * 2]
    assert " ".join(" ".join(line) for line in lines[10:]) == (
        "leave-one-out, ranked among all items, seen items ranked, ties at their mean rank; ± is one standard error."
        " Hardly anything to tell by: 30 items to rank among."
    )
    folders = [f"results/runs/{name}" for name in rows["run"].unique(maintain_order=True)]
    assert {*folders} <= {*shown.err.splitlines()}


def rows_of(room: Path, metric: str) -> pl.DataFrame:
    return store.read(room / "results").filter(command="evaluate", metric=metric)


def test_golds_that_repeat_are_told_from_new_ones(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "sasrec-linear", "--k", "1", "--by", "repeat", "--threads", "1"]) == 0
    shown = capsys.readouterr().out
    ranks = pl.read_parquet(next(trained.glob("results/runs/evaluate-*/ranks.parquet")))
    share = rows_of(trained, "repeat_share")["value"].item()
    parts = [rows_of(trained, f"recall:{golds}")["value"].item() for golds in ("new", "repeated")]
    assert (1 - share) * parts[0] + share * parts[1] == pytest.approx((ranks["rank"] <= 1).mean())
    assert "Recall:new@1" in shown
    assert "Recall:repeated@1" in shown


def test_negatives_are_drawn_once_and_shared(
    trained: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog.load("protocols", "uni100"), "NEGATIVES", 4)
    assert run(["evaluate", "sasrec-linear", "sasrec-softmax", "--protocol", "uni100", "--k", "1"]) == 0
    shown = capsys.readouterr()
    assert shown.err.count("negatives drawn") == 1
    assert "ranked among 100 negatives (uni100)" in " ".join(shown.out.split())
    (path,) = trained.glob("datasets/ring/prepared-*/negatives-seen-uni100-test-0.parquet")
    assert pl.read_parquet(path).height == 60
    assert len(list(trained.glob("results/runs/evaluate-test-uni100-*/ranks.parquet"))) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nothing"], 2, "no finished run"),
        (["ring"], 2, "fits 2 runs"),
        # Names are checked before any run is looked for.
        (["nothing", "--protocol", "uni10"], 2, "did you mean 'uni100'"),
        (["sasrec-linear", "--seen", "hide"], 2, "remove, rank"),
        (["sasrec-linear", "--by", "genre"], 2, "known: repeat."),
        (
            ["sasrec-linear", "--negatives-seed", "5"],
            2,
            "full draws no negatives; leave --negatives-seed out",
        ),
        (["sasrec-linear", "--stage", "tset"], 2, "did you mean 'test'"),
        (["sasrec-linear", "--k", "0"], 2, "--k 0 is out of range; it must be at least 1 and at most 1,000,000."),
        (["sasrec-linear", "--k", "five"], 2, "--k takes whole numbers"),
        (["sasrec-linear", "--device", "tpu"], 2, "no device 'tpu'"),
        (["sasrec-linear", "--protocol", "uni100"], 3, "use --protocol full"),
    ],
)
def test_bad_input_is_one_line_and_the_right_exit_code(
    trained: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    assert run(["evaluate", *arguments]) == code
    shown = capsys.readouterr()
    assert message in shown.err.splitlines()[-1]
    assert not shown.out
    assert not list(trained.glob("results/runs/evaluate-*"))


def test_data_that_are_kept_serve_though_their_file_changed_or_is_gone(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "sasrec-linear", "--json", "--device", "cpu"]) == 0
    before = json.loads(capsys.readouterr().out)["rows"]
    (trained / "ring.csv").unlink()
    assert run(["evaluate", "sasrec-linear", "--json", "--device", "cpu"]) == 0
    after = json.loads(capsys.readouterr().out)["rows"]
    assert [row["value"] for row in after] == [row["value"] for row in before]


def test_data_that_changed_since_training_are_refused(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = trained / "ring.csv"
    path.write_text(path.read_text("utf-8").replace("u0,", "u1,", 5), "utf-8")
    shutil.rmtree(trained / "datasets")
    assert run(["evaluate", "sasrec-linear"]) == 3
    assert "is not what the run was trained on" in capsys.readouterr().err


def test_metrics_that_are_asked_for_are_shown_and_no_others(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "sasrec-linear", "--metrics", "hit-rate,arp,gini", "--k", "3", "--threads", "1"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert [line[0] for line in lines[3:7]] == ["HitRate@3", "ARP@3", "Gini@3", "repeat_share"]
    value = dict(store.read(trained / "results").filter(command="evaluate").select("metric", "value").rows())
    assert [line[1] for line in lines[3:6]] == [f"{value[name]:.4f}" for name in ("hit-rate", "arp", "gini")]
    # What is of all lists together has no error.
    assert [len(line) for line in lines[3:6]] == [3, 3, 2]


@pytest.mark.parametrize("new", [True, False])
def test_targets_that_training_knew_nothing_of_are_shown_where_there_are_any(
    room: Path, capsys: pytest.CaptureFixture[str], new: bool
) -> None:
    # Twenty users in step through items that are ever new, or that come again every fifth time.
    lines = [f"u{user},i{step if new else step % 5},{step}" for user in range(20) for step in range(20)]
    (room / "steps.csv").write_text("\n".join(["user,item,time", *lines]) + "\n", "utf-8")
    train = ["train", "--data", "steps.csv", "--model", "popular", "--split", "global-time", "--maxlen", "20"]
    assert run([*train, "--threads", "1"]) == 0
    capsys.readouterr()
    assert run(["evaluate", "popular", "--threads", "1"]) == 0
    shown = capsys.readouterr().out
    assert rows_of(room, "cold_items")["value"].to_list() == [20.0 if new else 0.0]
    counts = [line.split() for line in shown.splitlines() if line.startswith(" cold_")]
    assert counts == ([["cold_items", "20"]] if new else [])
    assert ("in no training part, ranked like any other." in " ".join(shown.split())) == new


def test_runs_are_compared_with_the_first_user_by_user(
    trained: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    arguments = ["evaluate", "sasrec-linear", "sasrec-softmax", "--k", "1", "--significance", "--threads", "1"]
    assert run(arguments) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    lines = [line.split() for line in shown.splitlines()]
    (place,) = (place for place, line in enumerate(lines) if line[:1] == ["Against"])
    assert lines[place] == ["Against", "linear", "20", "s0,", "60", "users"]
    assert run([*arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(one["base"], one["new"], one["metric"], one["k"]) for one in document["significance"]] == [
        ("sasrec-linear", "sasrec-softmax", metric, 10) for metric in ("ndcg", "recall")
    ]
    tables = store.read(trained / "results").filter(command="train", stage="test", k=10)
    for one, line in zip(document["significance"], lines[place + 4 :], strict=False):
        value = dict(tables.filter(metric=one["metric"]).select("attention", "value").rows())
        assert one["difference"] == pytest.approx(value["softmax"] - value["linear"])
        numbers = [f"{one[name]:+.4f}" for name in ("difference", "low", "high")]
        rest = [f"{one['d_z']:+.2f}", f"{one['p_t']:.2g}", f"{one['p_bootstrap']:.2g}"]
        assert line[4:] == [*numbers, *rest]


def test_models_are_named_where_mechanisms_do_not_tell_runs_apart(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ["--epochs", "1", "--width", "8", "--layers", "1", "--maxlen", "20", "--threads", "1"]
    assert run(["train", "--data", "ring.csv", "--model", "bert4rec", "--attn", "linear", *settings]) == 0
    assert run(["train", "--data", "ring.csv", "--model", "popular", "--maxlen", "20", "--threads", "1"]) == 0
    capsys.readouterr()
    assert run(["evaluate", "sasrec-linear", "bert4rec", "popular", "--k", "1", "--threads", "1"]) == 0
    heads, linear = capsys.readouterr().out.splitlines()[2].split(), ["linear", "20", "s0"]
    assert heads == ["metric", "sasrec", *linear, "bert4rec", *linear, "popular", "20", "s0"]


def test_runs_that_nothing_shown_tells_apart_have_their_digests_and_splits_are_named() -> None:
    row = {"attention": "linear", "options": "", "model": "sasrec", "data_digest": "d", "maxlen": 20, "seed": 0}
    one, other, split = (row | {"split": split} for split in ("leave-one-out", "leave-one-out", "ratio"))
    folders = ["ring-sasrec-linear-20-s0-1a", "ring-sasrec-linear-20-s0-2b", "ring-sasrec-linear-20-s0-3c"]
    assert heads([[one], [other]], folders[:2]) == ["linear 20 s0 1a", "linear 20 s0 2b"]
    assert heads([[one], [other], [split]], folders) == [
        "linear 20 s0 leave-one-out 1a",
        "linear 20 s0 leave-one-out 2b",
        "linear 20 s0 ratio",
    ]
    assert heads([[one], [other | {"seed": 1}]], folders[:2]) == ["linear 20 s0", "linear 20 s1"]


def test_time_aware_models_are_told_and_not_tested_against_others(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    aware = ["--model", "hstu:time=true:time_aware=true", "--epochs", "1", "--width", "8", "--layers", "1"]
    assert run(["train", "--data", "ring.csv", *aware, "--maxlen", "20", "--threads", "1"]) == 0
    capsys.readouterr()
    assert run(["evaluate", "hstu", "sasrec-linear", "--k", "1", "--threads", "1"]) == 0
    assert "Time-aware models are told when their target was" in " ".join(capsys.readouterr().out.split())
    assert run(["evaluate", "hstu", "sasrec-linear", "--k", "1", "--threads", "1", "--significance"]) == 2
    assert "another time_aware" in capsys.readouterr().err


def test_data_are_named_where_runs_are_of_several(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (trained / "ring.csv").read_text("utf-8").splitlines()
    (trained / "half.csv").write_text("\n".join(lines[: len(lines) // 2]) + "\n", "utf-8")
    assert run(["train", "--data", "half.csv", "--model", "popular", "--maxlen", "20", "--threads", "1"]) == 0
    capsys.readouterr()
    assert run(["evaluate", "sasrec-linear", "popular", "--k", "1", "--threads", "1"]) == 0
    title, _, heads, *_ = capsys.readouterr().out.splitlines()
    assert title.strip() == "ring, half, test"
    assert heads.split() == ["metric", "ring", "linear", "20", "s0", "half", "popular", "20", "s0"]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ([], "--significance compares runs with the first of them; name two or more."),
        (["ring.csv", "--split", "ratio"], "another split (leave-one-out against ratio); name runs that share it."),
        (["other.csv"], "another data ("),
    ],
)
def test_runs_that_cannot_be_compared_are_refused_before_anything_is_ranked(
    trained: Path, capsys: pytest.CaptureFixture[str], second: list[str], message: str
) -> None:
    (trained / "other.csv").write_text((trained / "ring.csv").read_text("utf-8").replace("u0,", "u1,", 5), "utf-8")
    if second:
        assert run(["train", "--model", "popular", "--maxlen", "20", "--threads", "1", "--data", *second]) == 0
    capsys.readouterr()
    assert run(["evaluate", "sasrec-linear", *(["popular"] if second else []), "--significance"]) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert not shown.out
    assert not list(trained.glob("results/runs/evaluate-*"))
