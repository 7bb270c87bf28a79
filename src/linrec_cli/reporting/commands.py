"""The commands that make runs again, written from the runs' own settings."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from linrec_cli.runs.read import Run, each
from linrec_cli.settings import Profile, Train

Settings = dict[str, Any]

NEVER = ("data", "data_digest", "source", "tokens", "batch")
"""Settings that have no flag of their own name, or are written in another way."""
SWEPT = ("attn", "maxlen", "seed")
"""Settings of a training that may have several values in one command."""
ALWAYS = {"train": (*SWEPT, "device", "dtype", "threads"), "profile": ("attn", "maxlen", "phase", "device", "threads")}
"""Settings that are written although they are the default: what a run is of, and what a machine decides."""
DEFAULTS = {
    "train": asdict(Train()) | {"user": None, "item": None, "time": None, "skip_bad": False},
    "profile": asdict(Profile()) | {"roofline": False, "force": False},
    "evaluate": {"protocol": "full", "seen": "remove", "stage": "test", "ks": [1, 5, 10, 20], "negatives_seed": 0},
}


def commands(runs: Sequence[Run]) -> list[str]:
    """Write the commands that made runs, one for all that one command makes, in the order of their first runs."""
    found: list[str] = []
    for command, write in (("train", trained), ("evaluate", evaluated), ("profile", profiled)):
        found += write([run for run in runs if run.command == command and run.settings])
    return found


def written(command: str, settings: Settings, *more: str) -> str:
    """Write a command: every setting that is not the default, then what has no default."""
    words = ["linrec", command]
    for name, default in DEFAULTS[command].items():
        value = settings.get(name, default)
        if name in NEVER or (name not in ALWAYS.get(command, ()) and plain(value) == plain(default)):
            continue
        flag = "--k" if name == "ks" else f"--{name.replace('_', '-')}"
        words += [flag] if value is True else [flag, plain(value)]
    return shlex.join([*words, *more])


def plain(value: Any) -> str:
    """Write a value as a flag takes it."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def profiled(runs: Sequence[Run]) -> Iterator[str]:
    """Write a command for all profiles of the same settings."""
    for same in split(runs, lambda run: frozen(run.settings)):
        settings = DEFAULTS["profile"] | same[0].settings
        load = ["--batch", str(settings["batch"])] if settings["batch"] else tokens(settings, Profile.tokens)
        yield written("profile", settings, *load, *(["--runs", str(len(same))] if len(same) > 1 else []))


def trained(runs: Sequence[Run]) -> Iterator[str]:
    """Write a command for all trainings that differ in mechanism, length and seed alone."""
    for same in split(runs, lambda run: frozen({k: v for k, v in run.settings.items() if k not in SWEPT})):
        every = [DEFAULTS["train"] | run.settings for run in same]
        data = str(every[0].get("source", every[0]["data"]))
        for lists in products([(one["attn"], one["maxlen"], one["seed"]) for one in every]):
            swept = dict(zip(SWEPT, lists, strict=True))
            yield written("train", every[0] | swept, "--data", data, *tokens(every[0], Train.tokens))


def tokens(settings: Settings, default: int) -> list[str]:
    """Write the tokens of a batch, unless they are the default."""
    return ["--tokens", str(settings["tokens"])] if settings["tokens"] != default else []


def products(cells: Iterable[tuple[str, int, int]]) -> Iterator[tuple[list[str], list[int], list[int]]]:
    """Cover cells (mechanism, length, seed) by sweeps over lists, none of which makes a cell that is not there."""
    seeds: dict[tuple[str, int], dict[int, None]] = {}
    for attn, maxlen, seed in cells:
        seeds.setdefault((attn, maxlen), {})[seed] = None
    lengths: dict[str, dict[tuple[int, ...], list[int]]] = {}
    for (attn, maxlen), own in seeds.items():
        lengths.setdefault(attn, {}).setdefault(tuple(sorted(own)), []).append(maxlen)
    names: dict[tuple[tuple[int, ...], tuple[int, ...]], list[str]] = {}
    for attn, parts in lengths.items():
        for key, maxlens in parts.items():
            names.setdefault((tuple(sorted(maxlens)), key), []).append(attn)
    for (maxlens_, seeds_), attns in names.items():
        yield attns, [*maxlens_], [*seeds_]


def evaluated(runs: Sequence[Run]) -> Iterator[str]:
    """Write a command for all evaluations that were made in the same way."""
    known = [run for run in runs if "of" in run.settings]
    for same in split(known, lambda run: frozen({k: run.settings.get(k) for k in DEFAULTS["evaluate"]})):
        yield written("evaluate", same[0].settings, *dict.fromkeys(str(run.settings["of"]) for run in same))


def frozen(settings: Settings) -> tuple[Any, ...]:
    """Make settings that can be compared, whether a value stands alone or in a list."""
    return tuple((name, tuple(each(value))) for name, value in sorted(settings.items()))


def split(runs: Sequence[Run], key: Any) -> Iterator[list[Run]]:
    """Split runs by a key, in the order of their first runs."""
    parts: dict[Any, list[Run]] = {}
    for run in runs:
        parts.setdefault(key(run), []).append(run)
    yield from parts.values()
