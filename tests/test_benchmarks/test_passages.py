"""Documents say what the results say, and nothing else: hand-worked numbers in an invented reference."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from invented import costs, evaluated, kept, profiled, trained
from passages import far_back, faults, layer, models, quality, regimes, scripts, serving, verdicts, weights
from passages._profile import find
from passages._reference import Reference

from linrec_cli.datasets import synthetic


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a reference of one profile."""
    profiled(tmp_path, "profile", costs("attention", 16_384))
    return tmp_path


def test_nothing_is_said_where_nothing_was_measured(tmp_path: Path) -> None:
    empty = Reference(tmp_path)
    assert layer.costs(empty) == layer.gains(empty) == layer.picture(empty) == layer.crossovers(empty) == ""
    assert models.small(empty) == models.large(empty) == models.backbones(empty) == ""
    assert models.won(empty) == models.cloze(empty) == ""
    assert regimes.lengths(empty) == regimes.made(empty) == regimes.picture(empty) == ""
    assert regimes.objectives(empty) == regimes.splits(empty) == regimes.against(empty) == ""
    assert regimes.widths(empty) == regimes.order(empty) == regimes.earned(empty) == ""
    assert quality.summary(empty) == quality.budget(empty) == quality.gains(empty) == quality.naive(empty) == ""
    assert serving.costs(empty) == serving.growth(empty) == verdicts.rates(empty) == scripts.recbole(empty) == ""
    assert "not measured yet" in layer.made(empty)
    assert "Not measured yet" in weights.trained(empty)
    assert "Not measured yet" in scripts.attention(empty)
    assert "Not measured yet" in scripts.stream(empty)
    assert "Not measured yet" in scripts.launches(empty)


def test_what_is_handed_to_a_gpu_is_all_that_is_launched_and_not_what_a_replay_launches_there(tmp_path: Path) -> None:
    size = {"tokens": 1600, "maxlen": 200, "width": 128, "heads": 4, "dtype": "bfloat16"}
    counted = {"launches": 100.0, "products": 20.0, "copies": 3.0, "fills": 4.0, "waits": 1.0, "replayed": 9.0}
    cases = [("sasrec", "linear", "plain"), ("sasrec", "linear", "triton"), ("hstu", None, "plain")]
    rows = [
        {"model": model, "attention": attention, "form": form, "graphs": graphs, "replays": 2.0 * graphs}
        | {"milliseconds": 0.034 if graphs else 5.04}
        for model, attention, form in cases
        for graphs in (True, False)
    ]
    kept(tmp_path, "benchmarks/launches", [row | counted | size for row in rows])
    text = scripts.launches(Reference(tmp_path)).splitlines()
    assert text[-3:] == [
        "| `sasrec` | `linear` | torch's operators | 127 | 5.0 | 129 | 0.03 |",
        "| `sasrec` | `linear` | Triton | 127 | 5.0 | 129 | 0.03 |",
        "| `hstu` | – | – | 127 | 5.0 | 129 | 0.03 |",
    ]


def test_gains_are_ratios_of_the_longest_length(root: Path) -> None:
    said = layer.gains(Reference(root)).replace("\n", " ")
    assert "against fused softmax it is 4.0 times faster and needs 4.0 times less memory" in said
    assert "is 16 times faster and needs 16 times less memory" in said


def test_where_linear_costs_more_that_is_what_is_said(tmp_path: Path) -> None:
    rows = costs("attention", 16_384)
    rows = [row | {"value": 8 * row["value"]} if row["attention"] == "linear" else row for row in rows]
    profiled(tmp_path, "profile", rows)
    said = layer.gains(Reference(tmp_path)).replace("\n", " ")
    assert "it takes 2.0 times as long and needs 2.0 times the memory" in said


def test_a_contended_time_has_a_mark_and_the_mark_a_footnote(tmp_path: Path) -> None:
    rows = costs("attention", 16_384)
    rows = [row | {"contended": (row["attention"], row["maxlen"]) == ("linear", 512)} for row in rows]
    profiled(tmp_path, "profile", rows)
    text = layer.costs(Reference(tmp_path))
    assert text.count("*") == 2
    assert "500 ms*, 0.5 KiB" in text.splitlines()[3]
    assert text.endswith("\\* timed while other processes took the cores.")


def test_what_lies_far_back_is_scored_beside_the_best_that_can_be_had(tmp_path: Path) -> None:
    spec = "synthetic:items=400:signal=0.75"
    empty = Reference(tmp_path)
    assert far_back.scores(empty) == far_back.bounds(empty) == far_back.picture(empty) == ""
    for name, maxlen, found in [("softmax", 50, 0.1), ("softmax", 200, 0.3), ("linear", 50, 0.2), ("hstu", 200, 0.7)]:
        trained(tmp_path, f"{name}-{maxlen}", found, dataset=spec, attention=name, maxlen=maxlen)
    trained(tmp_path, "other", 0.9, dataset="synthetic", attention="lru", maxlen=50)
    assert far_back.scores(Reference(tmp_path)).splitlines()[2:] == [
        "| `hstu` | – | .7000 |",
        "| `softmax` | .1000 | .3000 |",
        "| `linear` | .2000 | – |",
    ]
    said = far_back.bounds(Reference(tmp_path)).replace("\n", " ")
    card = synthetic.card(spec)
    assert f"the best that anybody can reach is {card['best_recall_at_10']:.4f}".replace("0.", ".") in said
    assert f"the last 50 {card['last_50_recall_at_10']:.4f}".replace("0.", ".") in said
    assert "one event, 64 events back" in said
    assert "20 epochs" in said


@pytest.mark.parametrize("name", ["linear", "softmax"])
def test_a_ratio_has_a_mark_where_either_time_has(tmp_path: Path, name: str) -> None:
    rows = [row | {"contended": row["attention"] == name} for row in costs("attention", 16_384)]
    profiled(tmp_path, "profile", rows)
    found = find(Reference(tmp_path), "attention", [128, 8192], tokens=16_384)
    assert found.slower("linear", "softmax", 128).endswith("*")
    assert not found.slower("linear-gated", "softmax-naive", 128).endswith("*")


def test_a_mechanism_with_options_is_another_and_so_is_another_model_or_size(tmp_path: Path) -> None:
    plain = costs("step", 16_384)
    other = [row | {"options": "chunk=8", "value": 9 * row["value"]} for row in plain if row["attention"] == "linear"]
    profiled(tmp_path, "profile", plain + other, model="sasrec", layers=2)
    for name, more in {"hstu": {"model": "hstu"}, "deep": {"layers": 8}, "wide": {"width": 128}}.items():
        late = {"model": "sasrec", "layers": 2, "created": datetime(2026, 5, 1, tzinfo=UTC)} | more
        profiled(tmp_path, name, costs("step", 16_384, scale=3.0), **late)
    found = find(Reference(tmp_path), "step", [128, 8192], tokens=16_384)
    assert (found.seconds("linear", 128), found.seconds("linear:chunk=8", 128)) == (0.5, 4.5)


def test_minutes_are_of_the_machine_that_trained_most_and_all_machines_are_told(tmp_path: Path) -> None:
    for seed, (device, minutes) in enumerate([("cpu Quick", 10), ("cpu Slow", 40), ("cpu Slow", 42)]):
        trained(tmp_path, f"r{seed}", 0.1, facts={"seconds": 60.0 * minutes}, seed=seed, device=device)
    made = quality.made(Reference(tmp_path)).replace("\n", " ")
    assert "Trained on Quick, 2 threads, torch 9.9.0 and Slow, 2 threads, torch 9.9.0." in made
    assert "others used the cores" not in made
    assert quality.summary(Reference(tmp_path)).endswith("| 41 |")
    trained(tmp_path, "r3", 0.1, seed=3, device="cpu Slow", contended=True)
    assert "others used the cores" in quality.made(Reference(tmp_path)).replace("\n", " ")
    assert quality.summary(Reference(tmp_path)).endswith("\\* |")


def test_seeds_are_averaged_and_their_standard_deviation_stands_beside(tmp_path: Path) -> None:
    for seed, ndcg in enumerate((0.1, 0.2, 0.3)):
        trained(tmp_path, f"run-{seed}", ndcg, seed=seed)
    assert "| `linear` | 3 | .2000 ± .1000 | .2000 | 12 of 20, 12 of 20, 12 of 20 | 20 |" in quality.summary(
        Reference(tmp_path)
    )


def test_one_seed_has_the_standard_error_over_users(tmp_path: Path) -> None:
    trained(tmp_path, "run", 0.1)
    assert "| `linear` | 1 | .1000 ± .0100 |" in quality.summary(Reference(tmp_path))


def test_of_a_training_made_twice_the_latest_counts(tmp_path: Path) -> None:
    trained(tmp_path, "b", 0.1)
    trained(tmp_path, "a", 0.2, created=datetime(2026, 2, 1, tzinfo=UTC))
    (line,) = quality.lines(Reference(tmp_path))
    assert line.ndcg == 0.2


def test_what_was_split_or_ranked_in_another_way_is_left_out(tmp_path: Path) -> None:
    trained(tmp_path, "usual", 0.1, split="leave-one-out", seen="remove")
    trained(tmp_path, "split", 0.2, split="ratio", attention="softmax")
    trained(tmp_path, "ranked", 0.3, seen="rank", attention="elu")
    assert [line.ndcg for line in quality.lines(Reference(tmp_path))] == [0.1]


def test_other_models_and_settings_are_lines_of_their_own(tmp_path: Path) -> None:
    trained(tmp_path, "one", 0.1)
    trained(tmp_path, "two", 0.2, "dropout = 0.5\n")
    trained(tmp_path, "three", 0.3, model="bert4rec")
    assert sorted(line.ndcg for line in quality.lines(Reference(tmp_path))) == [0.1, 0.2, 0.3]


def test_another_size_is_never_the_usual_one_and_has_a_table_of_its_own(tmp_path: Path) -> None:
    made = {"dataset": "ml-1m-sasrec-order"}
    trained(tmp_path, "usual", 0.1, layers=2, **made)
    for seed in (0, 1):
        trained(tmp_path, f"wide-{seed}", 0.2 + seed / 10, "width = 128\n", width=128, layers=3, seed=seed, **made)
    reference = Reference(tmp_path)
    (told,) = quality.summary(reference).splitlines()[2:]
    assert "| 128, 3 | `linear` | 2 | .2500 ± .0100 |" in told
    assert [line.split("|")[3:6] for line in models.large(reference).splitlines()[2:4]] == [
        [" 128, 3 ", " 2 ", " .2500 ± .0100 "],
        [" 64, 2 ", " 1 ", " .1000 ± .0100 "],
    ]
    assert "| sasrec | 128, 3 | 200 | `linear` | 2 | .2500 ± .0100 |" in quality.every(reference)


def test_the_spread_of_two_seeds_is_not_taken_for_how_far_seeds_are_apart(tmp_path: Path) -> None:
    for seed, expected in enumerate((".1000 ± .0100", ".1500 ± .0100", ".2000 ± .1000")):
        trained(tmp_path, f"s{seed}", 0.1 + seed / 10, seed=seed)
        assert models.small(Reference(tmp_path)).splitlines()[2].split("|")[5].strip() == expected


def test_of_two_setups_that_of_more_seeds_counts_then_that_of_more_epochs(tmp_path: Path) -> None:
    for seed in (0, 1):
        trained(tmp_path, f"few-{seed}", 0.1, "dropout = 0.1\n", seed=seed)
    for seed in (0, 1, 2):
        trained(tmp_path, f"many-{seed}", 0.2, "dropout = 0.2\n", seed=seed)
    trained(tmp_path, "single", 0.3, "dropout = 0.3\n")
    trained(tmp_path, "long", 0.4, "epochs = 9\n", attention="softmax", facts={"epochs": 30.0})
    trained(tmp_path, "short", 0.5, "epochs = 8\n", attention="softmax")
    reference = Reference(tmp_path)
    for name, seeds, ndcg in (("linear", 3, 0.2), ("softmax", 1, 0.4)):
        found = quality.one(reference, "ml-100k", name)
        assert found is not None
        assert (found.seeds, found.ndcg) == (seeds, pytest.approx(ndcg))
    assert "| `softmax` | 64, 2 | 1 | .4000" in models.small(reference)
    assert ".5000" not in models.small(reference)


SPENT = {"seconds_per_epoch": [10.0, 20.0, 30.0], "validation_seconds": [1.0, 1.0, 1.0]}


def test_models_stand_with_the_most_telling_mechanisms_the_best_first_and_with_their_costs(tmp_path: Path) -> None:
    trained(tmp_path, "a", 0.1, layers=2, facts={"best_epoch": 2.0, "epochs": 3.0}, samples=SPENT)
    trained(tmp_path, "b", 0.2, model="gru4rec", attention="", facts={"seconds_per_epoch": 9.0, "peak_bytes": 5e6})
    trained(tmp_path, "c", 0.3, attention="elu")
    trained(tmp_path, "d", 0.3, "width = 128\n", width=128)
    trained(tmp_path, "e", 0.3, maxlen=50)
    trained(tmp_path, "f", 0.3, "objective = 'last'\n", objective="last")
    trained(tmp_path, "g", 0.3, model="hstu:time=true:time_aware=true", attention="", time_aware=True)
    trained(tmp_path, "h", 0.05, model="popular", attention="", objective="", facts={"epochs": 1.0, "best_epoch": 1.0})
    assert models.small(Reference(tmp_path)).splitlines()[2:] == [
        "| `sasrec` | `linear` | 128, 2 | 1 | .3000 ± .0100 | – | .3000 | 12 of 20 | 50.0 | – | 1 |",
        "| `gru4rec` | – | 64, 2 | 1 | .2000 ± .0100 | – | .2000 | 12 of 20 | 9.0 | – | 5 |",
        # Two epochs of 10 and 20 s, with a second of validation each.
        "| `sasrec` | `linear` | 64, 2 | 1 | .1000 ± .0100 | – | .1000 | 2 of 3 | 50.0 | 32 | 1 |",
        "| `popular` | – | – | 1 | .0500 ± .0100 | – | .0500 | 1 of 1 | 50.0 | – | 1 |",
        "",
        "Seconds and MiB: on Abacus, 2 threads, torch 9.9.0; none of what was trained elsewhere.",
    ]


def test_seconds_beside_others_have_a_mark_and_those_of_another_machine_are_left_out(tmp_path: Path) -> None:
    trained(tmp_path, "a", 0.4, attention="softmax", contended=True)
    trained(tmp_path, "b", 0.3)
    trained(tmp_path, "c", 0.2, attention="linear-gated", device="cpu Pencil")
    cells = [[cell.strip() for cell in line.split("|")] for line in models.small(Reference(tmp_path)).splitlines()]
    assert [line[9:12] for line in cells[2:5]] == [["50.0\\*", "–", "1"], ["50.0", "–", "1"], ["–", "–", "–"]]
    said = " ".join(cell for line in cells[6:] for cell in line)
    assert said.endswith("\\* trained while other processes took the cores, which makes seconds too long.")
    # A share of a disturbed time is marked, and one of another machine's says nothing.
    found = [line.split("|")[8:10] for line in models.backbones(Reference(tmp_path)).splitlines()[2:4]]
    assert found == [[" 1.00\\* ", " 1.00 "], [" – ", " – "]]


def test_bert4rec_stands_with_every_mechanism_and_how_long_it_waited(tmp_path: Path) -> None:
    trained(tmp_path, "a", 0.1, model="bert4rec", attention="nystrom")
    trained(tmp_path, "b", 0.2, "dropout = 0.1\n", model="bert4rec", contended=True)
    trained(tmp_path, "c", 0.3)
    assert models.cloze(Reference(tmp_path)).splitlines()[2:5] == [
        "| `linear` | 8 | 1 | .2000 ± .0100 | .2000 | 12 of 20 | 50.0\\* | – | 1 |",
        "| `nystrom` | 8 | 1 | .1000 ± .0100 | .1000 | 12 of 20 | 50.0 | – | 1 |",
        "",
    ]


def test_what_is_reached_with_the_history_ranked_stands_beside(tmp_path: Path) -> None:
    for seed in (0, 1):
        trained(tmp_path, f"a{seed}", 0.3, seed=seed)
        trained(tmp_path, f"b{seed}", 0.4, seed=seed, attention="softmax")
    for seed, name in ((0, "linear"), (1, "linear"), (0, "softmax")):
        evaluated(tmp_path, f"e-{name}-{seed}", 0.1 + seed / 10, seed=seed, attention=name)
    found = [line.split("|")[6].strip() for line in models.small(Reference(tmp_path)).splitlines()[2:4]]
    # Of softmax one of two seeds was ranked so.
    assert found == ["–", ".1500"]


def test_each_mechanism_stands_beside_its_own_backbone_s_softmax(tmp_path: Path) -> None:
    trained(tmp_path, "a", 0.2, attention="softmax")
    trained(tmp_path, "b", 0.1, facts={"seconds_per_epoch": 25.0, "peak_bytes": 2.0**22})
    trained(tmp_path, "c", 0.26, attention="linear-gated")
    trained(tmp_path, "d", 0.4, attention="softmax", model="core")
    trained(tmp_path, "e", 0.5, model="core", dataset="ml-1m-sasrec-order")
    trained(tmp_path, "f", 0.5, model="gru4rec", attention="")
    assert models.backbones(Reference(tmp_path)).splitlines()[2:] == [
        "| ml-100k | `sasrec` | 64, 2 | `linear` | .2000 | .1000 | -.1000 ± .0141 | 0.50 | 4.0 |",
        "| ml-100k | `sasrec` | 64, 2 | `linear-gated` | .2000 | .2600 | +.0600 ± .0141 | 1.00 | 1.00 |",
    ]


def test_peaks_that_are_not_those_of_training_alone_are_told_nowhere(tmp_path: Path) -> None:
    old, new = (2, 2.0**24), (3, 2.0**22)
    ways = {"softmax": (old, new), "linear": (old, old), "linear-gated": (new, old)}
    for name, seeds in ways.items():
        for seed, (version, peak) in enumerate(seeds):
            own = {"attention": name, "seed": seed, "benchmark": version, "facts": {"peak_bytes": peak}}
            trained(tmp_path, f"{name}-{seed}", 0.1, **own)
    lines = [line.split("|") for line in models.small(Reference(tmp_path)).splitlines()[2:5]]
    mib = {line[2].strip(): line[-2].strip() for line in lines}
    assert [mib[f"`{name}`"] for name in ways] == ["4", "–", "4"]
    times = [line.split("|")[-2].strip() for line in models.backbones(Reference(tmp_path)).splitlines()[2:]]
    assert times == ["–", "1.00"]


def test_it_is_said_how_often_a_mechanism_ranks_above_its_backbone_s_softmax(tmp_path: Path) -> None:
    for n, (softmax, linear) in enumerate(((0.2, 0.25), (0.2, 0.21), (0.2, 0.1), (0.2, 0.2))):
        width = 64 + 2 * n
        trained(tmp_path, f"s{n}", softmax, f"width = {width}\n", width=width, attention="softmax")
        trained(tmp_path, f"l{n}", linear, f"width = {width}\n", width=width)
    # Errors of .01 each make .014 of a difference.
    assert models.won(Reference(tmp_path)).replace("\n", " ") == (
        "Beside the softmax of the same backbone, size and data, `linear` in 2 of 4 rank higher; "
        "2 of the 4 differences are more than chance, 2 where all are asked about together (Holm)."
    )


def test_quality_and_cost_over_lengths_are_of_one_setup(tmp_path: Path) -> None:
    made = {"dataset": "ml-1m-sasrec-order", "layers": 2}
    trained(tmp_path, "other", 0.4, "epochs = 9\n", maxlen=50, **made)
    for maxlen, ndcg in ((50, 0.1), (200, 0.2)):
        trained(tmp_path, f"l{maxlen}", ndcg, maxlen=maxlen, facts={"epochs": 12.0}, **made)
    trained(tmp_path, "s", 0.3, maxlen=50, attention="softmax", contended=True, **made)
    reference = Reference(tmp_path)
    assert regimes.lengths(reference).splitlines()[2:4] == [
        "| 50 | .3000 | .1000 | – | 50.0\\* | 50.0 | – |",
        "| 200 | – | .2000 | – | – | 50.0 | – |",
    ]
    assert regimes.lengths(reference).splitlines()[5].startswith("\\* trained while other processes")
    assert "for 20 epochs at most, one seed" in regimes.made(reference)
    assert "is .0100 at most" in regimes.made(reference).replace("\n", " ")


def test_what_length_gives_is_said_with_its_error_and_whether_that_is_chance(tmp_path: Path) -> None:
    made = {"dataset": "ml-1m-sasrec-order", "layers": 2}
    for name, short, long in (("linear", 0.2, 0.15), ("softmax", 0.2, 0.21), ("linear-gated", 0.2, 0.25)):
        for maxlen, ndcg in ((25, short), (100, 0.9), (800, long)):
            trained(tmp_path, f"{name}{maxlen}", ndcg, attention=name, maxlen=maxlen, **made)
    # Errors of .01 each make .0141 of a difference.
    assert regimes.trend(Reference(tmp_path)).replace("\n", " ") == (
        "From 25 to 800: `softmax` +.0100 ± .0141, which may be chance, `linear` -.0500 ± .0141 and `linear-gated` "
        "+.0500 ± .0141. There `linear-gated` is at +.0400 ± .0141 of softmax."
    )
    assert regimes.against(Reference(tmp_path)).replace("\n", " ") == (
        "Beside softmax at 25, 100 and 800 (± .0141, one seed, users unpaired): `linear` .0000, .0000 and -.0600, "
        "more than chance at 800; `linear-gated` .0000, .0000 and +.0400, more than chance at 800."
    )


def test_the_figure_over_lengths_is_that_of_their_machine(tmp_path: Path) -> None:
    made = {"dataset": "ml-1m-sasrec-order", "layers": 2, "heads": 2}
    for maxlen in (50, 200):
        trained(tmp_path, f"l{maxlen}", 0.1, maxlen=maxlen, device="cpu Abacus", **made)
    trained(tmp_path, "l400", 0.1, maxlen=400, device="cpu Pencil", **made)
    figures = tmp_path / "results/reference/cpu/figures"
    figures.mkdir()
    assert regimes.picture(Reference(tmp_path)) == ""
    names = {group.keys["device"]: f"train-{group.name}-length.png" for group in Reference(tmp_path).groups}
    for name in names.values():
        (figures / name).touch()
    assert len({*names.values()}) == 2
    assert f"](../results/reference/cpu/figures/{names['cpu Abacus']})" in regimes.picture(Reference(tmp_path))


def told(text: str) -> list[list[str]]:
    """Give the first six cells of a table's lines."""
    return [[cell.strip(" `") for cell in line.split("|")[1:7]] for line in text.splitlines()[2:]]


def test_a_sample_a_prefix_stands_beside_the_latest_of_all_positions_at_once(tmp_path: Path) -> None:
    at = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    trained(tmp_path, "b", 0.2, "dropout = 0.2\n", maxlen=50, objective="next", created=at[1])
    trained(tmp_path, "a", 0.1, "dropout = 0.1\n", maxlen=50, objective="next", created=at[0])
    assert regimes.objectives(Reference(tmp_path)) == ""
    last = {"objective": "last", "facts": {"seconds_per_epoch": 900.0}}
    trained(tmp_path, "c", 0.3, "dropout = 0.3\n", maxlen=50, created=at[2], **last)
    two = [
        ["sasrec", "linear", "next", ".2000 ± .0100", "12 of 20", "50.0"],
        ["sasrec", "linear", "last", ".3000 ± .0100", "12 of 20", "900.0"],
    ]
    assert told(regimes.objectives(Reference(tmp_path))) == two
    # Others are trained so because they can't be otherwise.
    trained(tmp_path, "d", 0.05, maxlen=50, model="lightsans", attention="", **last)
    trained(tmp_path, "e", 0.06, maxlen=50, model="linrec", **last)
    trained(tmp_path, "f", 0.9, maxlen=50, model="core", **last)
    trained(tmp_path, "g", 0.9, maxlen=200, model="linrec", **last)
    assert told(regimes.objectives(Reference(tmp_path))) == [
        *two,
        ["linrec", "linear", "last", ".0600 ± .0100", "12 of 20", "900.0"],
        ["lightsans", "–", "last", ".0500 ± .0100", "12 of 20", "900.0"],
    ]
    assert "| sasrec, last | 64, 2 | 50 |" in quality.every(Reference(tmp_path))


def test_what_the_optimiser_is_asked_stands_beside_the_usual_training_and_in_no_leaderboard(tmp_path: Path) -> None:
    large = {"dataset": "ml-1m-sasrec-order", "width": 128, "layers": 3}
    trained(tmp_path, "a", 0.2, **large)
    trained(tmp_path, "b", 0.25, "ema = 0.999\n", maxlen=800, facts={"seconds_per_epoch": 60.0}, **large)
    trained(tmp_path, "c", 0.21, "maxlen = 800\n", maxlen=800, contended=True, **large)
    trained(tmp_path, "d", 0.4)
    trained(tmp_path, "e", 0.3, "clip = 1.0\nschedule = 'cosine'\n", facts={"epochs": 90.0})
    trained(tmp_path, "f", 0.9, "ema = 0.999\n", attention="softmax")
    trained(tmp_path, "g", 0.5, maxlen=50)
    reference = Reference(tmp_path)
    assert [line.replace("`", "").split(" | ")[3:] for line in regimes.changed(reference).splitlines()[2:5]] == [
        ["128, 3", "maxlen 800", ".2000", ".2100", "+.0100", ".0141", "12 of 20", "1.00\\* |"],
        ["128, 3", "maxlen 800, ema 0.999", ".2000", ".2500", "+.0500", ".0141", "12 of 20", "1.20 |"],
        ["64, 2", "schedule cosine, clip 1.0", ".4000", ".3000", "-.1000", ".0141", "12 of 90", "1.00 |"],
    ]
    assert regimes.earned(reference) == "1 of the 3 gains is more than chance."
    assert ".9000" not in models.small(reference)
    assert [line.split(" | ")[4] for line in models.small(reference).splitlines()[2:3]] == [".4000 ± .0100"]
    assert "| sasrec, ema 0.999 | 64, 2 | 200 |" in quality.every(reference)


def test_places_of_mechanisms_under_both_splits_stand_side_by_side(tmp_path: Path) -> None:
    for n, name in enumerate(("softmax", "linear", "linear-gated")):
        trained(tmp_path, f"l{n}", 0.1 + n / 10, attention=name)
    assert regimes.splits(Reference(tmp_path)) == regimes.order(Reference(tmp_path)) == ""
    for n, name in enumerate(("softmax", "linear", "linear-gated")):
        trained(tmp_path, f"g{n}", 0.5 - n / 10, "split = 'global-time'\n", attention=name, split="global-time")
    assert regimes.splits(Reference(tmp_path)).splitlines()[2:] == [
        "| `leave-one-out` | .1000 (3) | .2000 (2) | .3000 (1) | .0100 |",
        "| `global-time` | .5000 (1) | .4000 (2) | .3000 (3) | .0100 |",
    ]
    said = "The order of the three does not hold; 4 of 4 neighbours are apart by more than chance."
    assert regimes.order(Reference(tmp_path)) == said
    # What was made later counts.
    at = datetime(2026, 2, 1, tzinfo=UTC)
    for n, name in enumerate(("softmax", "linear", "linear-gated")):
        trained(
            tmp_path,
            f"h{n}",
            0.5 + n / 1000,
            "split = 'global-time'\n",
            attention=name,
            split="global-time",
            created=at,
        )
        trained(tmp_path, f"m{n}", 0.1 + n / 1000, attention=name, created=at)
    said = "The order of the three holds; no neighbours are apart by more than chance."
    assert regimes.order(Reference(tmp_path)) == said


def test_mechanisms_of_the_readme_s_size_stand_beside_softmax(tmp_path: Path) -> None:
    trained(tmp_path, "a", 0.2, attention="hstu", **LARGE)
    assert models.mechanisms(Reference(tmp_path)) == ""
    trained(tmp_path, "b", 0.1, attention="softmax", **LARGE)
    trained(tmp_path, "c", 0.3, attention="lru", **(LARGE | {"layers": 2}))
    trained(tmp_path, "d", 0.3, attention="lru", width=128, layers=3)
    evaluated(tmp_path, "e", 0.15, attention="hstu", **LARGE)
    assert [line.split(" | ")[:7] for line in models.mechanisms(Reference(tmp_path)).splitlines()[2:4]] == [
        ["| `hstu`", "1", ".2000 ± .0100", ".1500", ".2000", "+.1000 ± .0141", "p < .001"],
        ["| `softmax`", "1", ".1000 ± .0100", "–", ".1000", "–", "–"],
    ]


def test_sizes_stand_under_one_another_where_there_are_several(tmp_path: Path) -> None:
    for n, (name, width, ndcg) in enumerate((("linear", 64, 0.2), ("linear", 128, 0.3), ("softmax", 64, 0.1))):
        trained(tmp_path, f"a{n}", ndcg, f"width = {width}\n", width=width, layers=2, attention=name)
    # Trained for less long, at another length, otherwise, or as another model.
    trained(tmp_path, "b", 0.9, "dropout = 0.1\n", width=64, layers=2, facts={"epochs": 3.0, "best_epoch": 3.0})
    trained(tmp_path, "c", 0.9, "width = 256\n", width=256, layers=2, maxlen=50)
    trained(tmp_path, "d", 0.9, "width = 256\nclip = 1.0\n", width=256, layers=2)
    trained(tmp_path, "e", 0.9, "width = 256\n", width=256, layers=2, model="core")
    assert [line.split(" | ")[1:6] for line in regimes.widths(Reference(tmp_path)).splitlines()[2:]] == [
        ["`linear`", "64, 2", "1", ".2000 ± .0100", ".2000"],
        ["`linear`", "128, 2", "1", ".3000 ± .0100", ".3000"],
    ]


def test_gains_that_may_be_chance_leave_all_options_off(tmp_path: Path) -> None:
    assert regimes.earned(Reference(tmp_path)) == ""
    trained(tmp_path, "a", 0.4)
    trained(tmp_path, "b", 0.41, "clip = 1.0\n")
    trained(tmp_path, "c", 0.3, "ema = 0.99\n")
    # One that is lower by more than chance is no gain.
    said = "None of these gains is more than chance, so that all of them stay off unless asked for."
    assert regimes.earned(Reference(tmp_path)) == said


LARGE = {"dataset": "ml-1m-sasrec-order", "width": 128, "layers": 3}


def test_a_training_that_did_not_wait_out_its_patience_was_cut_by_the_clock(tmp_path: Path) -> None:
    made = LARGE | {"settings": "max_minutes = 40.0\n"}
    trained(tmp_path, "a", 0.1, attention="softmax", **made)
    trained(tmp_path, "b", 0.1, facts={"best_epoch": 20.0}, **made)
    trained(tmp_path, "c", 0.1, seed=1, **made)
    # Of 20 epochs the best is the thirteenth: seven after it are less than eight.
    trained(tmp_path, "d", 0.1, attention="linear-gated", facts={"best_epoch": 13.0}, **made)
    said = quality.budget(Reference(tmp_path)).replace("\n", " ")
    assert said == (
        "On ml-1m each had 40 minutes, which cut 0 of 1 of `softmax`, 1 of 2 of `linear` and 1 of 1 of `linear-gated`."
    )


def test_a_gain_has_the_error_of_a_difference(tmp_path: Path) -> None:
    trained(tmp_path, "a", 0.1, attention="softmax", **LARGE)
    trained(tmp_path, "b", 0.1234, attention="linear-gated", **LARGE)
    # Standard errors of .01 each: the root of twice .0001.
    said = quality.gains(Reference(tmp_path)).replace("\n", " ")
    assert "`linear-gated` is at +.0234 ± .0141 of softmax (1 seed, p .098)." in said
    trained(tmp_path, "c", 0.1234, seed=1, attention="linear-gated", **LARGE)
    assert "of softmax (2 and 1 seed, p .098)." in quality.gains(Reference(tmp_path)).replace("\n", " ")


def test_what_two_machines_cost_is_told_of_one(tmp_path: Path) -> None:
    slow = {"device": "cpu Loom", "facts": {"seconds_per_epoch": 400.0, "peak_bytes": 2.0**23}}
    trained(tmp_path, "a", 0.1, attention="softmax", benchmark=3)
    for name, seed in (("softmax", 1), ("linear", 1), ("linear", 2)):
        trained(tmp_path, f"{name}-{seed}", 0.1, attention=name, seed=seed, benchmark=3, **slow)
    trained(tmp_path, "d", 0.1, seed=0, benchmark=3, facts={"seconds_per_epoch": 25.0, "peak_bytes": 2.0**20})
    reference = Reference(tmp_path)
    (row,) = models.backbones(reference).splitlines()[2:]
    # Of most seeds of `linear`: 400 beside 400 on the other machine, and neither 212.5 nor 25.
    assert [cell.strip() for cell in row.split("|")[-3:-1]] == ["1.00", "1.00"]
    lines = {line.split("|")[2].strip(): line for line in models.small(reference).splitlines()[2:4]}
    assert [cell.strip() for cell in lines["`linear`"].split("|")[-4:-1]][::2] == ["400.0", "8"]
    told = [line for line in quality.every(reference).splitlines() if "`linear`" in line]
    assert [cell.strip() for cell in told[0].split("|")[-3:-1]] == ["400.0", "8"]


def test_verdicts_are_counted_by_side_and_metric(tmp_path: Path) -> None:
    cells = [
        ("same", "seconds", "ok", 0.01),
        ("same", "seconds", "regression", 0.07),
        ("same", "peak_bytes", "ok", 0.0),
    ]
    cells += [("planted", "seconds", "regression", 0.02), ("planted", "seconds", "inconclusive", 0.03)]
    cells += [("planted", "seconds", "regression", 0.04), ("planted", "peak_bytes", "regression", 0.0)]
    rows = [
        dict(zip(("new", "metric", "verdict", "noise"), cell, strict=True)) | {"trial": n % 2}
        for n, cell in enumerate(cells)
    ]
    for kind in ("idle", "busy"):
        path = tmp_path / f"results/reference/cpu/verdicts/{kind}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        pl.DataFrame(rows).write_csv(path)
    text = verdicts.rates(Reference(tmp_path))
    assert "| the same code: a regression in time | 1 | 1 |" in text
    assert "| 15 % slower: found, where runs differ by at most 3.5 % | 1 of 2 | 1 of 2 |" in text
    assert "| 15 % slower: found, of all | 2 of 2 | 2 of 2 |" in text
    assert "differed by 4 % where the machine was idle" in verdicts.spread(Reference(tmp_path))


def test_ratios_over_lengths_divide_a_mechanism_by_softmax(root: Path) -> None:
    text = layer.over_lengths(Reference(root))
    assert "| maxlen | `softmax-naive` | `linear` | `linear-gated` |" in text
    assert "| 512 | 4.00, 4.00 | .25, .25 | .50, .50 |" in text


def test_a_crossover_is_a_length_or_what_its_note_says(tmp_path: Path) -> None:
    made = {"phase": "attention", "metric": "crossover", "stage": "softmax"}
    more = [
        made | {"attention": "linear", "note": "always from 128 to 8,192; and more"},
        made | {"attention": "linear-gated", "value": 279.4, "note": "between 256 and 512"},
        made | {"attention": "elu", "stage": "softmax-naive", "value": 7.0, "note": ""},
    ]
    profiled(tmp_path, "profile", costs("attention", 16_384) + more)
    said = layer.crossovers(Reference(tmp_path)).replace("\n", " ")
    first, second = (
        "the layer of `linear` always from 128 to 8,192",
        "the layer of `linear-gated` from 279 positions on",
    )
    assert said == f"Faster than fused softmax: {first}; {second}."


def test_mechanisms_at_one_length_stand_in_the_order_of_their_times(tmp_path: Path) -> None:
    profiled(tmp_path, "profile", costs("step", 1600, (200,)))
    lines = layer.mechanisms(Reference(tmp_path)).splitlines()[-3:]
    assert lines == ["| `linear` | .25 | .25 |", "| `linear-gated` | .50 | .50 |", "| `softmax-naive` | 4.00 | 4.00 |"]


def test_serving_tells_ways_apart_and_what_each_keeps(tmp_path: Path) -> None:
    rows = []
    ways = {("softmax", "cache"): 1, ("linear", "recurrence"): 2, ("softmax", "recomputation"): 3}
    for (name, way), n in ways.items():
        for maxlen in serving.LENGTHS:
            cell = {"attention": name, "phase": "serve", "maxlen": maxlen, "tokens": 8 * maxlen, "stage": way}
            rows.append(cell | {"metric": "seconds", "value": 0.001 * n})
            rows.append(cell | {"metric": "state_bytes", "value": 1024.0 * n})
        slope = {"attention": name, "phase": "serve", "stage": way, "metric": "time_slope", "value": n / 10}
        rows.append(slope | {"note": "from 128 to 8,192; at a fixed batch"})
    crossing = {"attention": "linear", "phase": "serve", "stage": "softmax", "metric": "crossover", "value": 649.5}
    profiled(tmp_path, "profile", [*rows, crossing])
    assert "| 1,024 | 1.00 ms | 2.00 ms | 3.00 ms | 1 KiB | 2 KiB |" in serving.costs(Reference(tmp_path))
    assert serving.growth(Reference(tmp_path)).replace("\n", " ") == (
        "The cost of an event grows with the length to the power of .10 from a cache (from 128 to 8,192 events) and of"
        " .20 from a state (from 128 to 8,192 events). The state is the faster one from 650 events on."
    )


def test_a_mechanism_without_weights_has_no_properties_of_them(tmp_path: Path) -> None:
    numbers = {"rank_half": 8, "rank": 9, "negative": 0.5, "row_sum": 0.1, "row_sum_spread": 0.2, "query_scale": 0.3}
    numbers |= {"sharpest": 0.4, "chosen": 0.6, "chosen_bound": 0.7, "loud": 0.8, "form": "causal"}
    kept(
        tmp_path,
        "claims/properties",
        [{"mechanism": "a", "linear": True} | numbers, {"mechanism": "b", "linear": False} | numbers],
    )
    assert weights.properties(Reference(tmp_path)).splitlines()[2:] == [
        "| `a` | causal | yes | 8 to 9 | .50 | .10 ± .20 | .30 | .40 | .60 (≤ .70) | .80 |",
        "| `b` | causal | no | – | – | – | – | – | – | – |",
    ]


def test_work_is_told_with_the_length_from_which_on_it_is_less(tmp_path: Path) -> None:
    numbers = {"form": "causal", "stated": "T D", "in_length": 1.0, "in_size": 2.0, "operations": 1234.5}
    numbers |= {"ratio_short": 0.5, "ratio_long": 0.25, "kept": 4.0}
    kept(
        tmp_path,
        "claims/cost",
        [{"mechanism": "a", "fewer_from": 29} | numbers, {"mechanism": "b", "fewer_from": None} | numbers],
    )
    assert weights.cost(Reference(tmp_path)).splitlines()[2:] == [
        "| `a` | causal | `T D` | 1.00, 2.00 | 1,234 | .50 | .25 | 29 | 4.00 |",
        "| `b` | causal | `T D` | 1.00, 2.00 | 1,234 | .50 | .25 | never | 4.00 |",
    ]


def test_trained_layers_stand_beside_random_numbers(tmp_path: Path) -> None:
    numbers = dict.fromkeys(("row sum", "spread", *weights.MOMENTS), 0.5)
    layers = [("m-linear-200-s0, layer 1", 0.1), ("m-linear-200-s0, layer 2", 0.2)]
    kept(
        tmp_path,
        "claims/trained",
        [numbers | {"mechanism": "linear", "queries": q, "weights": "as trained", "negative": n} for q, n in layers],
    )
    kept(
        tmp_path, "claims/drawn", [numbers | {"queries": "normal, scale 1", "weights": "LinRec, both", "negative": 0.4}]
    )
    said = weights.trained(Reference(tmp_path)).replace("\n", " ")
    below = "weights below zero, `linear`: .10 and .20, and .40 under random numbers"
    largest = "weight on the ten largest, `linear`: .50 and .50, and .50 under random numbers"
    assert said.endswith(f"Shares, layer by layer: {below}; {largest}.")


def test_cores_in_turns_stand_a_line_a_length_with_their_ratios(tmp_path: Path) -> None:
    size = {"heads": 2, "width": 128, "tokens": 25_600}
    rows = [
        size | {"length": length, "attention": name, "milliseconds": ms, "ratio": ratio}
        for length, name, ms, ratio in (
            (50, "softmax", 72.4, 1.0),
            (50, "linear", 135.0, 1.9),
            (3200, "softmax", 746.0, 1.0),
            (3200, "linear", 171.0, 0.23),
        )
    ]
    kept(tmp_path, "benchmarks/attention", rows)
    assert scripts.attention(Reference(tmp_path)).splitlines() == [
        "25,600 tokens, width 128, ms and ratios, on Abacus, 1 thread, torch 9.9 (`python x.py`):",
        "",
        "| heads | length | `softmax` | `linear` | linear/softmax |",
        "| --- | --- | --- | --- | --- |",
        "| 2 | 50 | 72 | 135 | 1.90 |",
        "| 2 | 3,200 | 746 | 171 | 0.23 |",
    ]


def test_a_peer_stands_beside_linrec_by_the_medians_of_its_rounds(tmp_path: Path) -> None:
    same = {"recbole": "1.2.1", "data": "ml-100k", "targets": 97_171, "batches": 3, "batch": 2048, "maxlen": 50}
    same |= {"width": 128, "heads": 8, "layers": 2, "malloc": "MALLOC_TRIM_THRESHOLD_=1"}
    same |= {"command": "python benchmarks/peers.py --environment ../made --rounds 1 --data-dir there --batches 3"}
    rows = [
        same
        | {"program": program, "attention": attention, "epoch_seconds": seconds, "epoch_seconds_ratio": ratio}
        | {"peak_bytes": peak, "prepare_seconds": 1.25, "users_per_second": 1234.0}
        for program, attention, seconds, ratio, peak in (
            ("recbole", "softmax", 400.0, 100.0, 2**32),
            ("recbole", "softmax", 500.0, 300.0, 2**32),
            ("recbole", "released", 350.0, None, 2**31),
            ("linrec", "softmax", 2.5, None, 2**29),
            ("linrec", "linear", None, None, None),
        )
    ]
    kept(tmp_path, "benchmarks/peers", rows)
    heading, lines = scripts.recbole(Reference(tmp_path)).split("\n\n")
    heading = heading.replace("\n", " ")
    assert "RecBole 1.2.1**: SASRec on all of `ml-100k`, 97,171 targets, maxlen 50" in heading
    assert "extrapolated from 3 batches of 2,048" in heading
    assert "(`MALLOC_TRIM_THRESHOLD_=1 python benchmarks/peers.py --rounds 1 --batches 3`)" in heading
    assert lines.splitlines()[2:] == [
        "| RecBole, `softmax` | 450 | 200 | 4.0 GiB | 1.2 | 1,234 |",
        "| RecBole, LinRec's released formula | 350 | – | 2.0 GiB | 1.2 | 1,234 |",
        "| linrec, `softmax` | 2.5 | – | 512 MiB | 1.2 | 1,234 |",
    ]
    assert "RecBole beside linrec" not in scripts.missing(Reference(tmp_path)).replace("\n", " ")


def test_a_peer_alone_is_not_told(tmp_path: Path) -> None:
    kept(tmp_path, "benchmarks/peers", [{"program": "recbole", "attention": "softmax", "epoch_seconds": 1.0}])
    assert scripts.recbole(Reference(tmp_path)) == ""


def test_a_series_is_told_by_its_ends_how_it_grows_and_what_was_left_out(tmp_path: Path) -> None:
    step = {"part": "history", "name": "linear", "batch": 1, "width": 64, "events": None, "note": ""}
    step |= {"seconds": None, "peak_bytes": None, "time_slope_overall": 1.04, "memory_slope_overall": 0.9}
    batch = {"part": "catalog", "name": "bce", "batch": 8, "maxlen": 200, "time_slope_overall": None}
    rows = [
        step | {"size": 4096, "maxlen": 4096, "seconds": 0.15, "peak_bytes": 2**26},
        step | {"size": 65_536, "maxlen": 65_536, "seconds": 2.8, "peak_bytes": 2**30},
        step | {"size": 10**6, "maxlen": 10**6, "note": "left out: too long"},
        step | batch | {"size": 10, "seconds": 9.0, "peak_bytes": 2**20},
        step | {"part": "users", "name": "preprocess", "size": 7, "events": 5, "batch": None, "note": "no room"},
    ]
    kept(tmp_path, "benchmarks/scale", rows)
    assert scripts.scale(Reference(tmp_path)).splitlines()[4:] == [
        "| a training step on one history, `linear` | 4,096 to 65,536 events | 2.8 s | 1.0 GiB | n^1.04 | n^0.90 "
        "| 1,000,000: left out: too long |",
        "| a training step on 1,600 positions, `bce` | 10 to 10 items | 9 s | 1 MiB | – | n^0.90 |  |",
        "| `preprocess`, 5 events a user | – | – | – | – | – | 7: no room |",
    ]
    assert "how costs grow" not in scripts.missing(Reference(tmp_path)).replace("\n", " ")


def test_several_processes_stand_beside_one_by_their_medians(tmp_path: Path) -> None:
    assert scripts.processes(Reference(tmp_path)) == ""
    shared = {"data": "ml-100k", "attention": "linear", "maxlen": 200, "width": 64, "layers": 2, "tokens": 1600}
    ways = [((1, 1), (100.0, 300.0, 120.0), (1.0, 1.0, 1.0)), ((2, 1), (200.0, 150.0, 210.0), (1.5, 2.0, 1.75))]
    rows = [
        shared | {"processes": way[0], "threads_each": way[1], "targets_per_second": speed, "ratio": ratio,
                  "contended": way[0] == 2 and speed == 150.0}
        for way, speeds, ratios in ways for speed, ratio in zip(speeds, ratios, strict=True)
    ]  # fmt: skip
    kept(tmp_path, "benchmarks/processes", rows)
    heading, lines, note = scripts.processes(Reference(tmp_path)).split("\n\n")
    assert heading.startswith("`ml-100k`, `linear`, maxlen 200, width 64, 2 layers, on ")
    assert lines.splitlines()[2:] == ["| 1,600 | 1 | 1 | 120 | 1.00 |", "| 1,600 | 2 | 1 | 200\\* | 1.75\\* |"]
    assert note.startswith("\\* measured while other")


def test_faults_are_told_as_they_were_counted(tmp_path: Path) -> None:
    assert [
        faults.signals(Reference(tmp_path)),
        faults.kills(Reference(tmp_path)),
        faults.bits(Reference(tmp_path)),
        faults.network(Reference(tmp_path)),
        faults.fuzz(Reference(tmp_path)),
        faults.disk(Reference(tmp_path)),
        faults.races(Reference(tmp_path)),
        faults.all(Reference(tmp_path)),
    ] == [""] * 8
    row = {
        "signal": "SIGINT",
        "files": "a.py,b.py",
        "lines": 1445,
        "differs": 1,
        "unheard": 2,
        "late": 3,
        "slowest": 1.25,
    }
    kept(tmp_path, "benchmarks/faults-signals", [row | {"allowed": 5.0}])
    said = faults.signals(Reference(tmp_path)).replace("\n", " ")
    assert said.startswith(
        "SIGINT at 1,445 lines of `a.py` and `b.py`: 1 runs differ afterwards, 2 did not stop and 3 took"
    )
    assert "more than 5 s to; the slowest took 1.2 s, on Abacus" in said
    row = {"killed": "train", "kills": 9, "unreadable": 1, "differs": 2, "leftovers": 3, "orphans": 4, "failed": 5}
    kept(tmp_path, "benchmarks/faults-kills", [row])
    assert faults.kills(Reference(tmp_path)).splitlines()[-1] == "| `train` | 9 | 1 | 2 | 3 | 4 | 5 |"
    row = {"file": "x", "flips": 21, "noticed": 1, "mended": 2, "unseen": 3, "wrong": 4, "traceback": 5, "ended": 6}
    kept(tmp_path, "benchmarks/faults-bits", [row])
    assert faults.bits(Reference(tmp_path)).splitlines()[-1] == "| `x` | 21 | 1 | 2 | 3 | 4 | 11 |"
    met = [("404", "next", 1.0, 2.6), ("slow", "next", 61.4, 3.0), ("cut", "had", 1.0, 1.0)]
    names = ("fault", "outcome", "seconds", "seconds_next")
    kept(tmp_path, "benchmarks/faults-network", [dict(zip(names, one, strict=True)) for one in met])
    assert faults.network(Reference(tmp_path)).splitlines()[-3:] == [
        "| the file, from that server | 1 | 1 s | cut |",
        "| an error, or the file from the next | 2 | 61 s | 404; slow |",
        "| anything else | 0 | 0 s | – |",
    ]
    row = {"reader": "csv", "inputs": 2100, "refused": 1, "read": 2, "uncaught": 3, "hangs": 4, "ended": 5, "over": 6}
    kept(tmp_path, "benchmarks/faults-fuzz", [row | {"mib": 7.6}])
    made = {"device": "d", "threads": 1, "torch": "2"}
    given = ("--reader a ", "--folders a,b --on two mounts ", "--on c ")
    said = faults.heading([made | {"command": f"x {own}--seed 1"} for own in given])
    assert said.endswith("(`x --seed 1`):")
    assert faults.fuzz(Reference(tmp_path)).splitlines()[-1] == "| csv | 2,100 | 1 | 2 | 3 | 4 | 5 | 6 | 8 |"
    row = {"refused": "x", "fault": "full", "trials": 9, "well": 1, "named": 2, "traceback": 3, "differs": 4}
    kept(tmp_path, "benchmarks/faults-disk", [row | {"leftovers": 5}])
    assert faults.disk(Reference(tmp_path)).splitlines()[-1] == "| `x` | full | 9 | 1 | 2 | 3 | 4 | 5 |"
    row = {"raced": "x", "rounds": 5, "processes": 40, "stuck": 1, "failed": 2, "lost": 3, "leftovers": 4, "again": 5}
    kept(tmp_path, "benchmarks/faults-races", [row | {"on": ""}])
    kept(tmp_path, "benchmarks/faults-races-network", [row | {"on": "NFS"}] * 2)
    lines = ["| `x` | a disk | 40 | 1 | 2 | 3 | 4 | 5 |", *["| `x` | NFS | 40 | 1 | 2 | 3 | 4 | 5 |"] * 2]
    assert faults.races(Reference(tmp_path)).splitlines()[-3:] == lines
    lines = faults.all(Reference(tmp_path)).splitlines()[2:]
    assert [line.strip("| ").split(" | ")[1:] for line in lines] == [
        ["1,445", "6"], ["9", "15"], ["40", "15"], ["80", "30"], ["9", "12"], ["21", "15"], ["3", "0"], ["2,100", "18"],
    ]  # fmt: skip


def test_an_event_of_a_stream_stands_beside_reading_all_again(tmp_path: Path) -> None:
    streamed = [("stream", 100, 1.0, 0.5), ("stream", 200, 2.0, 0.75), ("stream", 300, 2.5, 0.7)]
    again = [("recomputation", 200, 9.0, 4.0), ("recomputation", 1600, 99.0, 44.444)]
    rows = [
        {
            "attention": "linear",
            "way": way,
            "history": history,
            "events": 1_000,
            "median_ms": median,
            "p99_ms": late,
            "kept_bytes": 2048 if way == "stream" else 0,
            "maxlen": 100 if way == "stream" else history,
            "items": 5_000,
            "width": 64,
        }
        for way, history, late, median in streamed + again
    ]
    kept(tmp_path, "benchmarks/stream", rows)
    heading, *blocks = scripts.stream(Reference(tmp_path)).split("\n\n")
    lines, said = blocks[0].splitlines(), blocks[1].replace("\n", " ")
    assert heading.startswith("3,000 events, windows of 100, 5,000 items, width 64, median and 99th percentile in ms")
    assert lines[0] == "| events so far | `linear`, stream | `linear`, all read again |"
    assert lines[2:] == ["| 200 | 0.75 (2.00) | 4.00 (9.00) |", "| 1,600 | – | 44.44 (99.00) |"]
    assert said == (
        "`linear`: from 100 to 300 events the median stays between 0.70 and 0.75 ms, and 2 KiB are kept for a user."
    )


def test_advice_stands_beside_what_epochs_took(tmp_path: Path) -> None:
    row = {"data": "d", "attention": "linear", "maxlen": 50, "epoch_said": 2.0, "epoch": 2.5, "evaluation_said": 1.0}
    rows = [row | {"evaluation": 0.5, "ratio": 1.0}, row | {"maxlen": 200, "evaluation": 0.2, "ratio": 0.9}]
    assert scripts.advise(Reference(tmp_path)) == ""
    kept(tmp_path, "benchmarks/advise", rows)
    said = scripts.advise(Reference(tmp_path)).splitlines()
    assert said[-4:-2] == ["| `linear` | 50 | 3.00 s | 3.00 s | 1.00 |", "| `linear` | 200 | 3.00 s | 2.70 s | .90 |"]
    assert said[-1] == "The worst is off by 10%."
