"""The data of a run: prepared, laid out, and found again by digest."""

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from linrec_cli import catalog
from linrec_cli.declared import flag
from linrec_cli.errors import DataError, UsageError
from linrec_cli.settings import AUTO, Reading, Train

if TYPE_CHECKING:
    import polars as pl

    from linrec_cli.data.parts import Parts
    from linrec_cli.data.prepare import Prepared
    from linrec_cli.data.sequences import Sequences

DATASETS = Path("datasets")
ROLES = ("user", "item", "time")
SOURCE = ("source", *(item.name for item in fields(Reading)))
"""What a run's settings keep of where its data came from, as it was typed."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Dataset:
    """A data set to train on.

    Attributes:
        source: what it was prepared from, as typed; empty of a frame.
        rules: what `seen` has found, by split.
    """

    prepared: "Prepared"
    sequences: "Sequences"
    name: str
    source: Mapping[str, Any] = field(default_factory=dict)
    rules: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    def split(self, spec: str) -> "Parts":
        """Split it as `leave-one-out` or another split does."""
        parts: Parts = catalog.bound("splits", spec, "split")(self.sequences)
        return parts

    def seen(self, split: str) -> str:
        """Decide, once for each split, whether items of the history are removed or ranked: `remove` or `rank`."""
        from linrec_cli.evaluation.repeats import rule

        if split not in self.rules:
            self.rules[split] = rule(AUTO, self.sequences, self.split(split))
        return self.rules[split]

    def as_trained(self, settings: Train) -> str:
        """Tell whether a run removes or ranks items of the history: as it was asked to, or as the data decide."""
        return self.seen(settings.split) if settings.seen_items == AUTO else settings.seen_items

    def read(self, model: str, split: str) -> str:
        """Digest what a model or a split reads beside items in their order: 16 hexadecimal digits; else empty."""
        from linrec_cli.models._recommender import reads
        from linrec_cli.training.checkpoint import digest

        sequences, found = self.sequences, {}
        of_split = getattr(catalog.load("splits", catalog.parse(split)[0]), "READS", ())
        for what in (*reads(model), *of_split):
            if what in ("times", "target_times") and sequences.times is not None:
                found["times"] = sequences.times
            if what == "features":
                found |= sequences.features or {}
        return digest(found) if found else ""

    def told(self, folder: Path) -> dict[str, Any]:
        """Write what a run in `folder` keeps, so that its data are found again."""
        if not self.prepared.folder:
            return dict(self.source)
        return dict(self.source) | {"prepared": beside(self.prepared.folder, folder)}


def prepare(
    source: "pl.DataFrame | pl.LazyFrame | str | Path",
    *,
    name: str = "frame",
    data_dir: Path = DATASETS,
    min_user: int = 5,
    min_item: int = 5,
    report: Say | None = None,
    **reading: Any,
) -> Dataset:
    """Prepare a frame in memory, or open a data set of the catalog or a file, prepared once and kept.

    Args:
        source: events (`user`, `item`, and `time` or else in the order of time), a name of the catalog, or a path.
        name: of a frame.
        data_dir: where data sets are kept; a frame is kept nowhere.
        min_user: a user with fewer events is dropped.
        min_item: the same for items.
        report: is told in one line what is done.
        reading: settings of `Reading`: `user`, `item` and `time` where the columns have other names, ...
    """
    from linrec_cli.data import store

    how = asdict(Reading(**reading))
    if not isinstance(source, str | Path):
        return framed(source, name, how, min_user, min_item)
    prepared = store.open_prepared(str(source), data_dir, min_user=min_user, min_item=min_item, report=report, **how)
    return laid_out(prepared, {"source": str(source), **how})


def framed(
    frame: "pl.DataFrame | pl.LazyFrame", name: str, how: Mapping[str, Any], min_user: int, min_item: int
) -> Dataset:
    """Prepare a frame whose columns may have other names."""
    from dataclasses import replace

    from linrec_cli.data.prepare import prepare as prepared

    usual = asdict(Reading())
    if stray := [option for option in how if option not in (*ROLES, "duplicates") and how[option] != usual[option]]:
        raise UsageError(f"{', '.join(stray)} only fits files; leave it out of what a frame is prepared by.")
    made = prepared(named(frame.lazy(), how), min_user, min_item, duplicates=how["duplicates"])
    return laid_out(replace(made, name=name), {})


def named(frame: "pl.LazyFrame", how: Mapping[str, Any]) -> "pl.LazyFrame":
    """Call columns `user`, `item` and `time`; of two that could be one of them the one that was told is.

    Raises:
        UsageError: a column that was told is not there.
    """
    from linrec_cli.data.file.columns import NONE

    there = frame.collect_schema().names()
    told = {role: how[role] for role in ROLES if how[role] and how[role] != role}
    if told.get("time") == NONE and NONE not in there:
        return named(frame.drop("time", strict=False), {**how, "time": None})
    for column in told.values():
        if column not in there:
            raise catalog.unknown("column", column, there)
    return frame.drop([role for role in told if role in there and role not in told.values()]).rename(
        {column: role for role, column in told.items()}
    )


def laid_out(prepared: "Prepared", source: Mapping[str, Any]) -> Dataset:
    """Lay a prepared data set out as sequences."""
    from linrec_cli.data.sequences import lay_out

    return Dataset(prepared, lay_out(prepared), prepared.name, source)


def of_run(stored: Mapping[str, Any], folder: Path, data_dir: Path = DATASETS, report: Say | None = None) -> Dataset:
    """Open the data that the run in `folder` was trained on: by their digest, or prepared anew from their source.

    Args:
        stored: the settings of the run.

    Raises:
        DataError: they are nowhere, and their source is gone or no longer the same.
    """
    from linrec_cli.data import store
    from linrec_cli.data.file.suffixes import is_file

    hint = short(folder / stored["prepared"]) if stored.get("prepared") else None
    source = {name: stored[name] for name in SOURCE if name in stored}
    if prepared := store.by_digest(stored.get("data_digest", ""), data_dir, hint, report):
        return trained_on(laid_out(prepared, source), stored)
    minima = {name: stored[name] for name in ("min_user", "min_item") if name in stored}
    if not source.get("source"):
        raise DataError(f"the data of {folder.name} were a frame, kept nowhere; prepare it again, and give it.")
    if is_file(source["source"]) and not store.there(source["source"]):
        raise DataError(
            f"the data of {folder.name} are gone, and so is {source['source']}, which they were made from: put it "
            f"back, and where it lies make them anew by `{again(**source, **minima)}`."
        )
    return trained_on(prepare(**source, **minima, data_dir=data_dir, report=report), stored)


def again(source: str, min_user: int = Train.min_user, min_item: int = Train.min_item, **reading: Any) -> str:
    """Write the command that prepares files as a run had them."""
    usual = asdict(Reading()) | {"min_user": Train.min_user, "min_item": Train.min_item}
    asked = {**reading, "min_user": min_user, "min_item": min_item}
    words = ["linrec", "preprocess", *(["--train"] if reading.get("valid") else []), source]
    for name, value in asked.items():
        if value != usual[name]:
            words += [flag(name)] if value is True else [flag(name), str(value)]
    return shlex.join(words)


def trained_on(data: Dataset, stored: Mapping[str, Any]) -> Dataset:
    """Make sure that data are those a run of such settings was trained on, and so are the times or features it reads.

    Raises:
        DataError: they are others.
    """
    then, now = stored.get("data_digest", ""), data.prepared.digest
    if then == now and (read := stored.get("read_digest")):
        then, now = read, data.read(stored["model"], stored.get("split", Train.split))
    if then != now:
        what = data.source.get("source", data.name)
        raise DataError(
            f"{what} is not what the run was trained on (digest {now}, then {then}); evaluate on that, or train again."
        )
    return data


def beside(path: Path, folder: Path) -> str:
    """Write a path as seen from a folder, so that both may be moved together; on another drive, whole."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:
        return path.resolve().as_posix()


def short(path: Path) -> Path:
    """Write a path without detours: as seen from where we are, if it lies below."""
    whole, here = path.resolve(), Path.cwd()
    return whole.relative_to(here) if whole.is_relative_to(here) else whole
