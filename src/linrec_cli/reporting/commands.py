"""The commands that make runs again, written from the runs' own settings as they are declared."""

import shlex
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeVar

from linrec_cli.declared import declared, each, flag
from linrec_cli.errors import UsageError
from linrec_cli.names import shown
from linrec_cli.runs.axes import axes
from linrec_cli.runs.read import Run
from linrec_cli.settings import AUTO, Effort, Evaluate, Profile, Reading, Train, from_stored, resolved

Settings = Mapping[str, Any]
Part = TypeVar("Part")
HEADED = ("data", "model", "attn", "maxlen", "seed", "width", "layers", "heads", "split", "seen_items", "device",
          "threads")  # fmt: skip
"""What titles and tables say of a training."""
UNKNOWN = {"device", "threads"}
"""What an evaluation's file has of the training that it is of, and not of itself."""


def commands(runs: Sequence[Run]) -> list[str]:
    """Write the commands that made runs, one for all that one command makes, in the order of their first runs."""
    found: list[str] = []
    for command, write in (("train", trained), ("evaluate", evaluated), ("profile", profiled)):
        found += write([run for run in runs if run.command == command and run.settings])
    return found


def options(runs: Iterable[Run]) -> dict[str, str]:
    """Write what trainings were told beyond what is usual and what titles say, by their setup."""
    found: dict[str, str] = {}
    for run in runs:
        if run.command == "train" and run.rows and run.settings and (stored := read(run, Train, Reading)):
            train, reading = stored
            said = dict.fromkeys((*HEADED, "dtype") if train.dtype == "float32" else HEADED)
            words = written("train", (Train, Reading), asdict(usual(train)) | asdict(reading) | said)
            found[run.rows[0]["setup"]] = words.removeprefix("linrec train").strip()
    return found


def written(command: str, kinds: Iterable[Any], values: Settings, *more: str) -> str:
    """Write a command: every setting that is not what its option says anyway, then what is none."""
    words = ["linrec", command]
    for item, how in (one for kind in kinds for one in declared(kind)):
        value = values.get(item.name)
        # What an option leaves open is 0 or nothing where it was not given; "auto" needs no saying.
        left = value in (None, AUTO) or (how.asked is None and not value)
        if how.panel and not left and (how.told or value != item.default):
            words += [flag(item.name)] if value is True else [flag(item.name), ",".join(map(text, each(value)))]
    return " ".join(map(quoted, [*words, *more]))


def text(value: Any) -> str:
    """Write a value, a whole number without its fraction."""
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)


def quoted(word: str) -> str:
    """Quote a word for a shell; what steers a terminal is written as its bytes."""
    if shown(word) == word:
        return shlex.quote(word)
    plain = word.replace("\\", r"\\").replace("'", r"\'").encode("utf-8", "surrogateescape")
    return "$'" + "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in plain) + "'"


def profiled(runs: Sequence[Run]) -> Iterator[str]:
    """Write a command for all profiles of the same settings."""
    readable = [(run, *stored) for run in runs if (stored := read(run, Profile, Effort))]
    for same in split(readable, lambda one: one[1:]):
        again = ["--runs", str(len(same))] if len(same) > 1 else []
        _, settings, effort = same[0]
        yield written("profile", (Profile, Effort), asdict(settings) | asdict(effort), *again)


def trained(runs: Sequence[Run]) -> Iterator[str]:
    """Write the commands for all trainings: those that differ in axes of a sweep alone share one, where they can."""
    names = axes()
    readable = [(run, *stored) for run in runs if (stored := read(run, Train, Reading))]
    known = [(usual(train), reading, run.settings.get("source", train.data)) for run, train, reading in readable]
    neutral = {name: getattr(Train(), name) for name in names}
    for same in split(known, lambda one: (replace(one[0], **neutral), *one[1:])):
        train, reading, source = same[0]
        values = asdict(train) | asdict(reading) | {"data": source}
        for lists in products(tuple(getattr(one, name) for name in names) for one, *_ in same):
            swept = {name: ordered(several) for name, several in zip(names, lists, strict=True)}
            yield written("train", (Train, Reading), values | swept)


def ordered(values: list[Any]) -> Any:
    """Give one value alone; of several, numbers by size and names as they came."""
    if len(values) == 1:
        return values[0]
    return values if isinstance(values[0], str) else sorted(values)


def usual(settings: Train) -> Train:
    """Put "auto" for what is usual for the model; a mechanism is what a run is of, and said wherever there is one."""
    asked = replace(settings, objective=AUTO, attn=settings.attn or AUTO)
    try:
        return asked if resolved(asked) == settings else settings
    except UsageError:
        return settings


def evaluated(runs: Sequence[Run]) -> Iterator[str]:
    """Write a command for all evaluations that were made in the same way."""
    known = [run for run in runs if "of" in run.settings]
    readable = [(run, *stored) for run in known if (stored := read(run, Evaluate))]
    for same in split(readable, lambda one: replace(one[1], device=Evaluate.device, threads=Evaluate.threads)):
        how = {name: value for name, value in asdict(same[0][1]).items() if name not in UNKNOWN}
        yield written("evaluate", (Evaluate,), how, *dict.fromkeys(str(run.settings["of"]) for run, _ in same))


def read(run: Run, *kinds: Any) -> tuple[Any, ...] | None:
    """Read settings of some kinds; None where they are not what this linrec takes."""
    try:
        return tuple(from_stored(kind, run.settings) for kind in kinds)
    except UsageError:
        return None


def products(cells: Iterable[tuple[Any, ...]]) -> list[tuple[list[Any], ...]]:
    """Cover cells, a value an axis, by sweeps over lists, none of which makes a cell that is not there.

    Along one axis after the other, the innermost first, what is the same along all others is put together.
    """
    boxes = [tuple([value] for value in cell) for cell in dict.fromkeys(cells)]
    for axis in reversed(range(len(boxes[0]) if boxes else 0)):
        merged: dict[tuple[frozenset[Any], ...], tuple[list[Any], ...]] = {}
        for box in boxes:
            others = tuple(frozenset(values) for place, values in enumerate(box) if place != axis)
            if others in merged:
                merged[others][axis].extend(box[axis])
            else:
                merged[others] = box
        boxes = list(merged.values())
    return boxes


def split(parts: Iterable[Part], key: Callable[[Part], Hashable]) -> Iterator[list[Part]]:
    """Split by a key, in the order of the first of each."""
    found: dict[Hashable, list[Part]] = {}
    for part in parts:
        found.setdefault(key(part), []).append(part)
    yield from found.values()
