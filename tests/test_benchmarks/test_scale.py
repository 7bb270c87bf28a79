"""Slopes over sizes: closed forms, what is left out, and the log that is written."""

import argparse
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import scale


def line(factor: float, power: float, sizes: tuple[int, ...] = (10, 30, 400)) -> list[scale.Row]:
    return [{"size": n, "seconds": factor * n**power, "peak_bytes": 7.0 * n} for n in sizes]


def test_a_power_law_has_its_exponent_between_neighbours_and_overall() -> None:
    rows = scale.with_slopes(line(0.3, 1.7))
    assert [row.get("time_slope") for row in rows] == [None, pytest.approx(1.7), pytest.approx(1.7)]
    assert [row["time_slope_overall"] for row in rows] == pytest.approx([1.7] * 3)
    assert [row["memory_slope_overall"] for row in rows] == pytest.approx([1.0] * 3)


def test_a_bent_line_has_the_slope_of_each_stretch_and_of_the_least_squares() -> None:
    costs = {2: 1.0, 4: 2.0, 8: 8.0}
    rows = scale.with_slopes([{"size": n, "seconds": cost, "peak_bytes": 1.0} for n, cost in costs.items()])
    assert [row.get("time_slope") for row in rows[1:]] == pytest.approx([1.0, 2.0])
    assert rows[0]["time_slope_overall"] == pytest.approx(1.5)


def test_sizes_that_were_not_measured_take_no_part_and_one_alone_or_a_cost_of_0_has_no_slope() -> None:
    rows = scale.with_slopes([*line(1.0, 1.0, (10, 20)), {"size": 40, "note": "left out"}])
    assert rows[2]["time_slope_overall"] == pytest.approx(1.0)
    assert "time_slope" not in rows[2]
    assert scale.with_slopes(line(1.0, 1.0, (10,)))[0]["time_slope_overall"] is None
    rows = scale.with_slopes([row | {"peak_bytes": 0} for row in line(1.0, 1.0)])
    assert rows[1]["memory_slope_overall"] is None
    assert rows[1]["memory_slope"] == 0


@pytest.mark.parametrize(("power", "last"), [(2.0, 18.0), (1.0, 6.0), (0.2, 6.0)])
def test_a_cost_is_taken_to_go_on_as_it_rose_last_and_linearly_at_least(power: float, last: float) -> None:
    rows = [{"size": n, "seconds": 2.0 * (n / 20) ** power, "peak_bytes": 1.0} for n in (10, 20)]
    # What came before the last two says nothing.
    rows.insert(0, {"size": 5, "seconds": 1e-9, "peak_bytes": 1.0})
    most = {"peak_bytes": 9.0}
    assert scale.beyond(rows, 60, {**most, "seconds": last * 1.01}) == ""
    assert "seconds" in scale.beyond(rows, 60, {**most, "seconds": last * 0.99})


def test_from_the_first_size_that_is_too_large_on_none_is_measured_and_each_says_why() -> None:
    given, asked = argparse.Namespace(seconds=50.0, gigabytes=1.0), []

    def measure(one: scale.Row) -> scale.Row:
        asked.append(one["size"])
        return {"seconds": float(one["size"]), "peak_bytes": 1}

    sizes = [{"part": "history", "name": "linear", "attn": "linear", "size": n} for n in (10, 40, 80, 90)]
    rows = scale.series(sizes, given, measure)
    assert asked == [10, 40]
    assert [row.get("note", "") for row in rows] == ["", "", *["left out: seconds would be 80, and 50 are allowed"] * 2]
    # A CSV may take ten times as long.
    assert len(scale.series([one | {"part": "users"} for one in sizes], given, measure)) == 4
    assert asked == [10, 40, 10, 40, 80, 90]


def test_a_size_that_fails_ends_its_series() -> None:
    given = argparse.Namespace(seconds=50.0, gigabytes=1.0)
    sizes = [{"part": "history", "name": "linear", "size": n} for n in (10, 20)]
    rows = scale.series(sizes, given, lambda one: {"note": "ended with -9"})
    assert [row["note"] for row in rows] == ["ended with -9"] * 2


def test_every_user_of_the_log_has_so_many_events_a_round_of_all_users_at_a_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(scale, "CHUNK", 17)
    scale.generate(tmp_path / "log.csv", users=12, events=4, items=6)
    log = pl.read_csv(tmp_path / "log.csv")
    assert log.columns == ["user_id", "item_id", "timestamp"]
    assert log["timestamp"].diff().drop_nulls().unique().to_list() == [1]
    assert set(log["item_id"]) <= {*range(1, 7)}
    rounds = [log["user_id"].slice(begin, 12).to_list() for begin in range(0, 48, 12)]
    assert [sorted(users) for users in rounds] == [[*range(1, 13)]] * 4
    assert rounds[0] != rounds[1]


def test_a_log_is_prepared_and_a_step_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    scale.generate(path, users=40, events=5, items=5)
    found = scale.preprocess({"path": str(path), "threads": 1})
    assert found["rows"] == 200
    assert found["users_kept"] == 40
    shape = {"attn": "linear", "loss": "sampled", "items": 30, "maxlen": 16, "batch": 2, "width": 8, "threads": 1}
    assert scale.step(shape)["seconds"] > 0


def test_what_is_asked_for_is_a_series_a_mechanism_a_loss_and_the_users() -> None:
    given = argparse.Namespace(
        attn="linear,softmax", lengths="200,100", losses="sampled", items="1e3", tokens=1600, users="50", events=5
    )
    asked: dict[str, list[Any]] = {part: list(make(given)) for part, make in scale.PARTS.items()}
    assert [[(one["name"], one["maxlen"], one["batch"]) for one in own] for own in asked["history"]] == [
        [(attn, 100, 1), (attn, 200, 1)] for attn in ("linear", "softmax")
    ]
    ((catalog,),), ((users,),) = asked["catalog"], asked["users"]
    assert (catalog["loss"], catalog["items"], catalog["maxlen"] * catalog["batch"]) == ("sampled", 1000, 1600)
    assert (users["size"], users["events"]) == (50, 5)
