"""A command written from a run's settings gives the command line the very same settings again."""

import shlex
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linrec_cli.cli import profile, run
from linrec_cli.reporting.commands import commands, products
from linrec_cli.runs import sweep
from linrec_cli.runs.read import Run
from linrec_cli.settings import Profile, Train

ROWS = {name: [{"command": name}] for name in ("train", "profile", "evaluate")}
PROFILES = [
    Profile(),
    Profile(attn=("linear-gated:gate=false", "softmax"), maxlen=(50, 8192), phase=("serve",), tokens=0, batch=8),
    Profile(tokens=4096, width=(64, 128), heads=(1, 2), dtype=("float32", "bfloat16"), budget=0.5, threads=3, seed=7),
    Profile(phase=("encoder", "evaluate"), layers=3, items=100_000, model=("sasrec",)),
]


def made(command: str, settings: dict, number: int = 0) -> Run:
    return Run(Path(f"run-{number}"), settings, ROWS[command])


def words(command: str) -> list[str]:
    name, *rest = shlex.split(command)
    assert name == "linrec"
    return rest


def listed(settings: dict) -> dict:
    """Make settings look as they do when read from a file."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}


@pytest.mark.parametrize("settings", PROFILES)
@pytest.mark.parametrize("more", [{}, {"roofline": True, "force": False}, {"roofline": False, "force": True}])
def test_a_profile_is_asked_for_again(monkeypatch, settings, more):
    found = []
    row = {"status": "ok", "phase": "step"}
    monkeypatch.setattr(
        profile, "measured", lambda one, force, roofline, _: found.append((one, force, roofline)) or [row]
    )
    (command,) = commands([made("profile", listed(asdict(settings)) | more)])
    assert run([*words(command), "--json"]) == 0
    assert found == [(settings, more.get("force", False), more.get("roofline", False))]


def test_profiles_of_the_same_settings_are_runs_of_one_command():
    same, other = (listed(asdict(Profile(seed=seed))) for seed in (0, 1))
    found = commands([made("profile", one, number) for number, one in enumerate((same, other, same, same))])
    assert len(found) == 2
    assert "--runs 3" in found[0]
    assert "--runs" not in found[1]


def trained(monkeypatch, runs):
    """Ask for runs again; list the settings and the sources that the command line makes of it."""
    cells = []
    monkeypatch.setattr(sweep, "open_data", lambda *_: (None, type("Prepared", (), {"name": "n", "digest": "d"})))
    monkeypatch.setattr(sweep, "run", lambda mine, source, *_, **__: cells.extend((one, source) for one in mine) or [])
    monkeypatch.setattr(sweep, "show", lambda *_: None)
    for command in commands(runs):
        run(words(command))
    return cells


def test_trainings_are_asked_for_again_each_once(monkeypatch):
    base = Train(data="n", data_digest="d", width=32, lr=0.002, tokens=3200, max_minutes=60.0, threads=1, min_user=3)
    cells = [
        replace(base, attn=attn, maxlen=maxlen, seed=seed)
        for attn, maxlen, seeds in (("softmax", 50, (0, 1)), ("linear", 50, (0, 1)), ("linear", 100, (0,)))
        for seed in seeds
    ]
    source = {"source": "my file.csv", "user": "u", "item": None, "time": "t", "skip_bad": True}
    runs = [made("train", asdict(one) | source, number) for number, one in enumerate(cells)]
    found = trained(monkeypatch, runs)
    assert sorted(map(repr, (one for one, _ in found))) == sorted(map(repr, cells))
    assert [given for _, given in found] == [source] * len(cells)
    assert len(commands(runs)) == 2


@given(st.sets(st.tuples(st.sampled_from("ab"), st.integers(1, 3), st.integers(0, 2)), min_size=1))
def test_sweeps_over_lists_cover_each_cell_once_and_no_other(cells):
    found = [
        (a, n, s) for attns, lengths, seeds in products(sorted(cells)) for a in attns for n in lengths for s in seeds
    ]
    assert len(found) == len(set(found))
    assert set(found) == cells


def test_evaluations_made_in_the_same_way_share_a_command():
    how = {"protocol": "uni100", "seen": "rank", "stage": "test", "ks": [1, 10], "negatives_seed": 0}
    runs = [made("evaluate", asdict(Train()) | how | {"of": name}, number) for number, name in enumerate(("a", "b"))]
    assert commands(runs) == ["linrec evaluate --protocol uni100 --seen rank --k 1,10 a b"]
