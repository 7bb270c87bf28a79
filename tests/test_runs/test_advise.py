"""Advice: what lacks is measured, what stands is not, and batches cost what their shapes do."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from linrec_cli import machine
from linrec_cli.data.sequences import Sequences
from linrec_cli.errors import DataError, NothingMeasuredError, UsageError
from linrec_cli.evaluation import ranks
from linrec_cli.results import schema, store
from linrec_cli.runs.advise import advise, alike, lengths
from linrec_cli.runs.axes import axes
from linrec_cli.runs.data import Dataset, prepare
from linrec_cli.settings import Profile, Train, form, options
from linrec_cli.training.batches import plan

CELL = Train(attn="linear", objective="next", maxlen=20, width=8, tokens=100)
A_POSITION = {"step": 0.01, "evaluate": 0.0001}


@pytest.fixture
def data() -> Dataset:
    """Users of 6 to 40 events."""
    rows = [(user, (user * 7 + step) % 30, step) for user in range(30) for step in range(6 + user * 34 // 29)]
    return prepare(pl.DataFrame(rows, schema=["user", "item", "time"], orient="row"))


class Planted:
    """Profiles in which a position costs the same at every length, and keeps what was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked = folder, list[Profile]()

    def __call__(self, asked: Profile) -> list[dict[str, Any]]:
        """Write and give the rows."""
        self.asked.append(asked)
        attns = asked.attn if form(asked.model[0]) else [""]
        rows = [self.row(asked, attn, length) for attn in attns for length in asked.maxlen]
        folder = store.folder(self.folder, f"profile-{len(self.asked)}")
        store.write_frame(schema.table({}, rows), folder / store.TABLE)
        return rows

    def row(self, asked: Profile, attn: str, length: int) -> dict[str, Any]:
        name, chosen = options(attn)
        count = max(1, asked.tokens // length)
        return machine.describe("cpu") | {
            "run": "r", "command": "profile", "attention": name, "options": chosen, "phase": asked.phase[0],
            "model": asked.model[0], "width": asked.width[0], "heads": asked.heads[0], "layers": asked.layers,
            "dtype": asked.dtype[0], "threads": asked.threads, "setup": f"items {asked.items}", "maxlen": length,
            "tokens": max(asked.tokens, length), "metric": "seconds", "status": "ok",
            "value": A_POSITION[asked.phase[0]] * count * length * (2 if name == "softmax" else 1),
        }  # fmt: skip


def test_an_epoch_costs_the_positions_of_its_batches_padding_included(data: Dataset, tmp_path: Path) -> None:
    # Batches of 37 events are not rounded up to 38.
    cells = [CELL, replace(CELL, attn="softmax"), replace(CELL, maxlen=10), replace(CELL, maxlen=37)]
    costs = advise(cells, data, tmp_path, Planted(tmp_path), 1.0)
    parts = data.split("leave-one-out")
    for cell, cost in zip(cells, costs, strict=True):
        laid = plan(data.sequences, parts, "next", cell.maxlen, cell.tokens, 0, 0)
        trained = sum(batch.items.numel() for batch in laid.batches(data.sequences))
        times = 2 if cell.attn == "softmax" else 1
        assert (cost.attn, cost.maxlen) == (cell.attn, cell.maxlen)
        assert cost.epoch == pytest.approx(0.01 * trained * times)


def test_an_evaluation_costs_the_positions_that_are_encoded(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ranks.TOKENS, "cpu", 90)
    read: Callable[..., Any] = ranks.read
    encoded = []

    def noted(sequences: Sequences, *given: Any) -> Any:
        batch = read(sequences, *given)
        encoded.append(batch.items.numel())
        return batch

    monkeypatch.setattr(ranks, "read", noted)
    (cost,) = advise([CELL], data, tmp_path, Planted(tmp_path), 1.0)
    from linrec_cli.training import fit

    parts = data.split("leave-one-out")
    fit.validate(fit.start(CELL, data.sequences, parts), data.sequences, parts)
    assert cost.evaluation == pytest.approx(0.0001 * sum(encoded))


def test_what_stands_is_not_measured_again_and_mechanisms_that_lack_take_turns(data: Dataset, tmp_path: Path) -> None:
    measure, other = Planted(tmp_path), replace(CELL, attn="softmax:rotary=true")
    first = advise([CELL], data, tmp_path, measure, 1.0)
    assert [(one.phase, one.attn, one.maxlen) for one in measure.asked] == [
        (("step",), ("linear",), (10, 20)),
        (("evaluate",), ("linear",), (10, 20)),
    ]
    assert {(one.items, one.budget) for one in measure.asked} == {(data.sequences.count, 1.0)}
    assert advise([CELL], data, tmp_path, measure, 1.0) == first
    assert len(measure.asked) == 2
    advise([CELL, other, replace(other, maxlen=40)], data, tmp_path, measure, 1.0)
    assert [(one.attn, one.maxlen) for one in measure.asked[2:]] == [
        (("linear", "softmax:rotary=true"), (10, 20, 40))
    ] * 2
    assert {(one.layers, one.heads, one.width) for one in measure.asked} == {
        (CELL.layers, (CELL.heads,), (CELL.width,))
    }
    # Another size is another curve.
    advise([replace(CELL, width=16)], data, tmp_path, measure, 1.0)
    advise([replace(CELL, threads=2)], data, tmp_path, measure, 1.0)
    advise([replace(CELL, tokens=200)], data, tmp_path, measure, 1.0)
    assert [one.phase for one in measure.asked[4:]] == [("step",), ("evaluate",)] * 2 + [("step",)]
    advise([replace(CELL, layers=CELL.layers + 1, heads=4)], data, tmp_path, measure, 1.0)
    assert [(one.layers, one.heads) for one in measure.asked[-2:]] == [(CELL.layers + 1, (4,))] * 2


def test_a_model_that_takes_no_mechanism_has_a_curve_of_its_own(data: Dataset, tmp_path: Path) -> None:
    measure, cell = Planted(tmp_path), replace(CELL, model="gru4rec", attn="")
    (first,) = advise([cell], data, tmp_path, measure, 1.0)
    assert first.epoch > 0
    assert [one.model for one in measure.asked] == [("gru4rec",)] * 2
    assert advise([cell], data, tmp_path, measure, 1.0) == [first]
    assert len(measure.asked) == 2


def test_what_a_profile_does_not_measure_is_refused(data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="give that in place of --loss bce"):
        advise([replace(CELL, loss="bce")], data, tmp_path, Planted(tmp_path), 1.0)
    with pytest.raises(UsageError, match="measure --objective next alone; give that in place of --objective last"):
        advise([replace(CELL, objective="last")], data, tmp_path, Planted(tmp_path), 1.0)
    with pytest.raises(NothingMeasuredError, match="linear gave no number in step"):
        advise([CELL], data, tmp_path, lambda asked: [], 1.0)


def test_each_length_asked_for_is_halved_to_8_and_none_is_measured_far_beyond_the_longest_history(
    data: Dataset, tmp_path: Path
) -> None:
    for asked, measured in (([20, 3], (3, 10, 20)), ([3, 20], (3, 10, 20)), ([17], (8, 17)), ([640], (10, 20, 40))):
        measure = Planted(tmp_path / str(asked))
        advise([replace(CELL, maxlen=maxlen) for maxlen in asked], data, measure.folder, measure, 1.0)
        assert [one.maxlen for one in measure.asked] == [measured] * 2


@pytest.mark.parametrize(
    "other",
    [
        {"device": "another"}, {"torch": "0.1"}, {"benchmark": 1}, {"model": "esasrec"}, {"width": 16}, {"heads": 4},
        {"layers": 1}, {"dtype": "bfloat16"}, {"threads": 2}, {"setup": "items 9"}, {"tokens": 999}, {"phase": "serve"},
        {"command": "train", "seed": 0}, {"status": "oom"},
    ],
)  # fmt: skip
def test_curves_of_another_machine_or_size_are_not_taken(
    data: Dataset, tmp_path: Path, other: dict[str, object]
) -> None:
    class Foreign(Planted):
        def row(self, *asked: Any) -> dict[str, Any]:
            return super().row(*asked) | other

    with suppress(NothingMeasuredError):
        advise([CELL], data, tmp_path, Foreign(tmp_path), 1.0)
    measure = Planted(tmp_path)
    advise([CELL], data, tmp_path, measure, 1.0)
    assert [(one.phase, one.maxlen) for one in measure.asked] == [(("step",), (10, 20)), (("evaluate",), (10, 20))]


def test_what_runs_in_one_number_format_alone_stands_whatever_was_asked_for(data: Dataset, tmp_path: Path) -> None:
    class Real(Planted):
        def row(self, asked: Profile, attn: str, length: int) -> dict[str, Any]:
            own = {"dtype": "float32"} if asked.phase == ("evaluate",) else {}
            return super().row(asked, attn, length) | own

    measure = Real(tmp_path)
    for _ in range(2):
        advise([replace(CELL, dtype="bfloat16")], data, tmp_path, measure, 1.0)
    assert [one.phase for one in measure.asked] == [("step",), ("evaluate",)]


@pytest.mark.parametrize("busy", [None, "step", "evaluate"])
def test_a_cost_is_contended_where_either_of_its_curves_is(data: Dataset, tmp_path: Path, busy: str | None) -> None:
    class Busy(Planted):
        def row(self, asked: Profile, attn: str, length: int) -> dict[str, Any]:
            return super().row(asked, attn, length) | {"contended": asked.phase[0] == busy}

    (cost,) = advise([CELL], data, tmp_path, Busy(tmp_path), 1.0)
    assert cost.contended == (busy is not None)


def test_what_stands_of_memory_alone_is_measured(data: Dataset, tmp_path: Path) -> None:
    class Cut(Planted):
        def row(self, *asked: Any) -> dict[str, Any]:
            return super().row(*asked) | {"metric": "peak_bytes", "value": 1.0, "stage": "rss"}

    with pytest.raises(NothingMeasuredError):
        advise([CELL], data, tmp_path, Cut(tmp_path), 1.0)
    measure = Planted(tmp_path)
    (cost,) = advise([CELL], data, tmp_path, measure, 1.0)
    assert [one.maxlen for one in measure.asked] == [(10, 20)] * 2
    assert cost.epoch > 0


def test_what_stands_is_told_beside_what_is_measured(data: Dataset, tmp_path: Path) -> None:
    measure, other = Planted(tmp_path), replace(CELL, attn="softmax")
    (first,) = advise([CELL], data, tmp_path, measure, 1.0)
    again, second = advise([CELL, other], data, tmp_path, measure, 1.0)
    assert [one.attn for one in measure.asked[2:]] == [("softmax",)] * 2
    assert again == first
    assert second.epoch == pytest.approx(2 * first.epoch)


def test_the_peak_is_that_of_training(data: Dataset, tmp_path: Path) -> None:
    class Peaks(Planted):
        def __call__(self, asked: Profile) -> list[dict[str, Any]]:
            peak = {"metric": "peak_bytes", "stage": "rss", "value": 7.0 if asked.phase == ("step",) else 9.0}
            rows = super().__call__(asked)
            return [*rows, *(row | peak for row in rows)]

    (cost,) = advise([CELL], data, tmp_path, Peaks(tmp_path), 1.0)
    assert cost.bytes == 7.0


def test_a_table_that_cannot_be_read_is_told(data: Dataset, tmp_path: Path) -> None:
    folder = store.folder(tmp_path, "cut")
    folder.mkdir(parents=True)
    (folder / store.TABLE).write_text("nothing", "utf-8")
    with pytest.raises(DataError, match="cut"):
        advise([CELL], data, tmp_path, Planted(tmp_path), 1.0)


def test_cells_differ_in_mechanism_and_length_alone() -> None:
    alike([CELL, replace(CELL, attn="softmax"), replace(CELL, maxlen=10)])
    others = {
        "model": "bert4rec", "width": 16, "layers": 1, "heads": 1, "dropout": 0.1, "split": "ratio", "seed": 1,
        "objective": "last", "loss": "bce", "lr": 0.1, "weight_decay": 0.5, "warmup": 1, "schedule": "cosine",
        "clip": 1.0, "ema": 0.5, "tokens": 9,
    }  # fmt: skip
    assert {*others} == {*axes()} - {"attn", "maxlen"}
    for name, other in others.items():
        with pytest.raises(UsageError, match=f"one --{name.replace('_', '-')} at a time"):
            alike([CELL, replace(CELL, **{name: other})])


def test_lengths_double_from_50_until_the_longest_history_fits_or_1600(data: Dataset) -> None:
    assert lengths(data) == [50]
    for longest, chosen in ((200, [50, 100, 200]), (230, [50, 100, 200, 400]), (3300, [50, 100, 200, 400, 800, 1600])):
        rows = [(user, step % 50, step) for user in range(6) for step in range(longest)]
        assert lengths(prepare(pl.DataFrame(rows, schema=["user", "item", "time"], orient="row"))) == chosen
