"""A command written from a run's settings gives the command line the very same settings again."""

import importlib
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from linrec_cli.cli import profile, run
from linrec_cli.names import shown
from linrec_cli.reporting.commands import commands, options, products, quoted
from linrec_cli.runs import find
from linrec_cli.runs.read import Run, read
from linrec_cli.settings import Effort, Evaluate, Profile, Reading, Train, digest, from_stored, resolved

ROWS = {name: [{"command": name}] for name in ("train", "profile", "evaluate")}
REFERENCE = Path(__file__).parents[2] / "results/reference/cpu"
PROFILES = [
    Profile(),
    Profile(attn=("linear-gated:gate=false", "softmax"), maxlen=(50, 8192), phase=("serve",), tokens=0, batch=8),
    Profile(tokens=4096, width=(64, 128), heads=(1, 2), dtype=("float32", "bfloat16"), budget=0.5, threads=3, seed=7),
    Profile(phase=("encoder", "evaluate"), layers=3, items=100_000, model=("sasrec", "bert4rec")),
]


def made(command: str, settings: dict[str, Any], number: int = 0) -> Run:
    return Run(Path(f"run-{number}"), settings, ROWS[command])


def words(command: str) -> list[str]:
    name, *rest = shlex.split(command)
    assert name == "linrec"
    return rest


def listed(settings: Any) -> dict[str, Any]:
    """Settings as they are read from a file."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(settings).items()}


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Profile, Effort]]:
    """What `linrec profile` is asked to measure; nothing is."""
    found: list[tuple[Profile, Effort]] = []

    def measure(one: Profile, effort: Effort, where: Path) -> list[dict[str, str]]:
        found.append((one, effort))
        return [{"status": "ok", "phase": "step"}]

    monkeypatch.setattr(profile, "measured", measure)
    return found


@pytest.mark.parametrize("settings", PROFILES)
@pytest.mark.parametrize("effort", [Effort(), Effort(roofline=True), Effort(force=True)])
def test_a_profile_is_asked_for_again(settings: Profile, effort: Effort, measured: list[Any]) -> None:
    (command,) = commands([made("profile", listed(settings) | asdict(effort))])
    assert run([*words(command), "--json"]) == 0
    assert measured == [(settings, effort)]
    assert ("--tokens" in command) == (settings.tokens not in (0, 16_384))
    assert ("--batch" in command) == bool(settings.batch)


def test_profiles_of_the_same_settings_are_runs_of_one_command(measured: list[Any]) -> None:
    same, other = (listed(Profile(seed=seed)) for seed in (0, 1))
    found = commands([made("profile", one, number) for number, one in enumerate((same, other, same))])
    for command in found:
        assert run([*words(command), "--json"]) == 0
    assert [one.seed for one, _ in measured] == [0, 0, 1]


@pytest.fixture(scope="module")
def dry() -> Iterator[list[tuple[Train, dict[str, Any]]]]:
    """What `linrec train` is asked to train, and of what; there is no data, and nothing is trained."""
    found: list[tuple[Train, dict[str, Any]]] = []
    opened: list[dict[str, Any]] = []

    def prepare(source: str, **more: Any) -> Any:
        opened.append({"source": source} | {name: more[name] for name in asdict(Reading())})
        card = {name: more[name] for name in ("min_user", "min_item")}
        prepared, sequences = (
            SimpleNamespace(digest="d", card=card),
            SimpleNamespace(
                part=None, features={"genres": torch.ones(2, 1)}, times=None, offsets=torch.tensor([0, 10**9])
            ),
        )
        own = {"split": lambda spec: None, "read": lambda model, split: ""}
        own["as_trained"] = lambda settings: settings.seen_items
        return SimpleNamespace(name="n", prepared=prepared, sequences=sequences, **own)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importlib.import_module("linrec_cli.runs.data"), "prepare", prepare)
        patch.setattr(importlib.import_module("linrec_cli.training.enough"), "check", lambda *_, **__: None)
        trial = importlib.import_module("linrec_cli.cli.dry_run")
        patch.setattr(trial, "show", lambda cells, *_: found.extend((cell, opened[-1]) for cell in cells))
        yield found


def again(runs: list[Run], dry: list[tuple[Train, dict[str, Any]]]) -> list[tuple[Train, dict[str, Any]]]:
    dry.clear()
    for command in commands(runs):
        assert run([*words(command), "--dry-run"]) == 0
    return dry


def test_trainings_are_asked_for_again_each_once(dry: list[Any]) -> None:
    base = resolved(
        Train(
            data="n", data_digest="d", width=32, lr=0.002, tokens=3200, max_minutes=60.0, min_user=3, seen_items="rank"
        )
    )
    cells = [
        replace(base, attn=attn, maxlen=maxlen, seed=seed, threads=2)
        for attn, maxlen, seeds in (("softmax", 50, (0, 1)), ("linear", 50, (0, 1)), ("linear", 100, (0,)))
        for seed in seeds
    ]
    how = Reading(user="u", time="t,u", columns="a,b", time_format="%d %m", duplicates="drop", skip_bad=True)
    source = {"source": "my file.csv"} | asdict(how)
    runs = [made("train", asdict(one) | source, number) for number, one in enumerate(cells)]
    found = again(runs, dry)
    assert sorted(map(repr, (one for one, _ in found))) == sorted(map(repr, cells))
    assert [reading for _, reading in found] == [source] * len(cells)
    assert len(commands(runs)) == 2


def test_trainings_of_other_files_are_other_commands(dry: list[Any]) -> None:
    one = asdict(resolved(Train(data="n", data_digest="d", seen_items="remove")))
    sources = [{"source": name, "user": user} for name, user in (("a.csv", None), ("b.csv", None), ("a.csv", "u"))]
    found = again([made("train", one | source | {"seed": seed}) for seed, source in enumerate(sources)], dry)
    assert [(cell.seed, {"source": r["source"], "user": r["user"]}) for cell, r in found] == [*enumerate(sources)]


def test_every_training_of_the_reference_is_asked_for_again(dry: list[Any]) -> None:
    runs = [one for one in map(read, find.folders(REFERENCE)) if one.command == "train"]
    found = again(runs, dry)
    # Of these data there is nothing here but the name.
    gone = {"data_digest": "d", "read_digest": ""}
    wanted = [digest(replace(from_stored(Train, one.settings), **gone)) for one in runs]
    assert sorted(digest(one) for one, _ in found) == sorted(wanted)


AXES = {
    "model": ["sasrec", "bert4rec", "popular"],
    "attn": ["auto", "softmax"],
    "objective": ["auto", "last"],
    "lr": [1e-3, 3e-3],
    "width": [8, 16],
    "seed": [0, 1],
}


def possible(values: tuple[Any, ...]) -> bool:
    given = dict(zip(AXES, values, strict=True))
    if given["model"] == "popular":
        return (given["attn"], given["objective"], given["lr"]) == ("auto", "auto", 1e-3)
    return (given["model"], given["objective"]) != ("bert4rec", "last")


@settings(max_examples=12, deadline=None)
@given(
    st.sets(st.sampled_from([values for values in product(*AXES.values()) if possible(values)]), min_size=1, max_size=8)
)
def test_any_set_of_trainings_is_asked_for_again_and_no_other(dry: list[Any], cells: set[tuple[Any, ...]]) -> None:
    asked = [
        resolved(Train(data="n", data_digest="d", seen_items="remove", **dict(zip(AXES, values, strict=True))))
        for values in sorted(cells)
    ]
    found = again([made("train", asdict(one), number) for number, one in enumerate(asked)], dry)
    assert sorted(repr(one) for one, _ in found) == sorted(map(repr, asked))


def test_what_is_usual_for_the_model_is_not_said() -> None:
    said = [commands([made("train", asdict(resolved(Train(model=model))))]) for model in ("bert4rec", "popular")]
    assert all("--objective" not in command for (command,) in said)
    assert "--attn linear" in said[0][0]
    assert "--attn" not in said[1][0]


@given(st.sets(st.tuples(*(st.integers(0, 2) for _ in range(4))), min_size=1))
def test_sweeps_over_lists_cover_each_cell_once_and_no_other(cells: set[tuple[int, ...]]) -> None:
    found = [cell for lists in products(sorted(cells)) for cell in product(*lists)]
    assert len(found) == len(set(found))
    assert set(found) == cells


def test_a_whole_product_is_one_sweep() -> None:
    assert products(product("ab", (1, 2), (0, 1, 2))) == [(["a", "b"], [1, 2], [0, 1, 2])]


def test_numbers_of_a_sweep_stand_by_size_and_names_as_they_came() -> None:
    runs = [made("train", asdict(Train(attn=attn, maxlen=maxlen))) for attn in ("mean", "elu") for maxlen in (9, 8)]
    (command,) = commands(runs)
    assert "--attn mean,elu --maxlen 8,9 " in command


def test_evaluations_made_in_the_same_way_share_a_command() -> None:
    # Cut-offs were called ks once; the device is that of the training.
    how = {"protocol": "uni100", "seen": "rank", "stage": "test", "ks": [1, 10], "negatives_seed": 0}
    train = asdict(Train(device="cuda", threads=3))
    runs = [made("evaluate", train | how | {"of": name}, number) for number, name in enumerate(("a", "b"))]
    assert commands(runs) == ["linrec evaluate --protocol uni100 --k 1,10 --seen rank a b"]
    assert commands([made("evaluate", train | listed(Evaluate()) | {"of": "a"})]) == ["linrec evaluate a"]
    how = listed(Evaluate(metrics=("gini", "recall")))
    assert commands([made("evaluate", train | how | {"of": "a"})]) == ["linrec evaluate --metrics gini,recall a"]


def test_a_run_whose_settings_this_linrec_does_not_take_has_no_command() -> None:
    assert (
        commands([made("train", asdict(Train()) | {"width": 0}), made("profile", {"phase": ["step"], "budget": -1})])
        == []
    )


@pytest.mark.parametrize("word", ["a b", "it's", "a\nb", "\x1b[31m'\\", "caf\udce9", "é\t"])
def test_a_word_comes_back_from_a_shell_as_it_was_and_steers_no_terminal(word):
    text = quoted(word)
    assert shown(text) == text
    said = subprocess.run(["bash", "-c", f"printf %s {text}"], capture_output=True, check=True).stdout
    assert said == word.encode("utf-8", "surrogateescape")


def test_options_say_what_a_training_was_told_beyond_what_is_usual_and_what_titles_say() -> None:
    told = Train(attn="softmax", maxlen=50, seed=3, width=8, ema=0.9, max_minutes=2.0)
    runs = [made("train", asdict(resolved(one)), number) for number, one in enumerate((Train(), told))]
    rows = [[{"command": "train", "setup": f"s{number}"}] for number in range(2)]
    every = [replace(one, rows=own) for one, own in zip(runs, rows, strict=True)]
    assert options([*every, made("evaluate", {"of": "r"}), made("train", {})]) == {
        "s0": "",
        "s1": "--ema 0.9 --max-minutes 2",
    }
    half = replace(every[0], settings=asdict(resolved(Train(dtype="bfloat16"))))
    assert options([half]) == {"s0": "--dtype bfloat16"}
