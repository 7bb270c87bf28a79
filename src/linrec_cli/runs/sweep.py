"""The cells of `linrec train`, one after the other: what is done is skipped, what fails is a row."""

import multiprocessing
import signal
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

from linrec_cli.cli import console
from linrec_cli.errors import LinrecError
from linrec_cli.runs import train as cell
from linrec_cli.settings import Train

if TYPE_CHECKING:
    from linrec_cli.data.prepare import Prepared
    from linrec_cli.data.sequences import Sequences

Row = dict[str, Any]
QUALITY = ("recall", "ndcg", "mrr")


def open_data(
    source: Row, settings: Train, data_dir: Path, report: Callable[[str], None] | None = console.say
) -> tuple["Sequences", "Prepared"]:
    """Open the prepared data of the source, downloading and preparing it where it is not there yet."""
    from linrec_cli.data.sequences import leave_one_out
    from linrec_cli.data.store import open_prepared

    columns = {name: source[name] for name in ("user", "item", "time", "skip_bad")}
    prepared = open_prepared(
        source["source"],
        data_dir,
        min_user=settings.min_user,
        min_item=settings.min_item,
        report=report,
        **columns,
    )
    return leave_one_out(prepared.events, len(prepared.items)), prepared


def run(
    cells: list[Train],
    source: Row,
    sequences: "Sequences",
    data_dir: Path,
    results_dir: Path,
    *,
    fresh: bool,
    resume: bool,
) -> list[Row]:
    """Train the cells that are not done; a single one here, several each in a process of its own.

    Returns:
        the rows of all cells.
    """
    from linrec_cli.results import store

    rows = []
    for number, settings in enumerate(cells, 1):
        folder = store.folder(results_dir, settings.name)
        if cell.finished(folder) and not fresh:
            say_finished(folder)
        else:
            if len(cells) > 1:
                console.say(f"[{number}/{len(cells)}] {settings.name}")
            if resume and not (folder / "checkpoint.safetensors").is_file():
                console.say(f"{settings.name}: nothing to take up; starts from the beginning.")
            cell.check_alone(folder)
            task = (settings, source, folder, fresh)
            if len(cells) == 1:
                attempt(*task, sequences)
            else:
                apart(*task, data_dir)
        rows += store.read_table(folder / store.TABLE).to_dicts()
    return rows


def say_finished(folder: Path) -> None:
    """Say that a run is done, by which commit, and whether that is another one."""
    from linrec_cli import machine
    from linrec_cli.results import store

    made, now = store.read_table(folder / store.TABLE)["commit"][0], machine.commit()
    other = f" Made at commit {made}, this is {now}: --fresh makes it anew." if made != now else ""
    console.say(f"{folder.name}: done already.{other}")


def attempt(settings: Train, source: Row, folder: Path, fresh: bool, sequences: "Sequences") -> None:
    """Train a cell; what goes wrong in it becomes a row."""
    try:
        cell.train(settings, source, sequences, folder, fresh)
    except LinrecError as error:
        fail(settings, folder, "error", str(error))
    except (MemoryError, RuntimeError) as error:
        text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        full = isinstance(error, MemoryError) or "memory" in text.lower()
        fail(settings, folder, "oom" if full else "error", text)


def fail(settings: Train, folder: Path, status: str, note: str) -> None:
    """Write the row of a cell that failed, and say so."""
    from linrec_cli import machine
    from linrec_cli.results import rows, schema, store

    environment = machine.describe(settings.device)
    shared = rows.shared(settings, "train", folder.name, datetime.now(UTC), environment)
    store.write_frame(schema.table(shared, [rows.failure(status, note)]), folder / store.TABLE)
    console.fail(f"{folder.name}: {status}: {note}")


def apart(settings: Train, source: Row, folder: Path, fresh: bool, data_dir: Path) -> None:
    """Train a cell in a fresh process, so that its memory is its own and its end is not ours."""
    process = multiprocessing.get_context("spawn").Process(
        target=child, args=(asdict(settings), source, folder, fresh, data_dir)
    )
    process.start()
    try:
        process.join()
    except BaseException:
        # Ctrl-C on a terminal reaches the child too; any other signal is passed on. It saves and ends by itself.
        process.join(3)
        process.terminate()
        process.join(60)
        raise
    if process.exitcode == 130:
        raise KeyboardInterrupt
    if process.exitcode:
        fail(settings, folder, "error", f"its process ended with code {process.exitcode}")


def child(settings: Row, source: Row, folder: Path, fresh: bool, data_dir: Path) -> None:
    """Open the data and train a cell, as a process of its own."""
    from linrec_cli.cli import terminate

    signal.signal(signal.SIGTERM, terminate)
    cell_settings = Train(**settings)
    try:
        sequences, _ = open_data(source, cell_settings, data_dir, report=None)
        attempt(cell_settings, source, folder, fresh, sequences)
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def show(cells: list[Train], rows: list[Row], results_dir: Path, as_json: bool) -> None:
    """Show the cells side by side and say where their files are."""
    if as_json:
        console.document({"settings": [asdict(settings) for settings in cells], "rows": rows})
        return
    lines = [line(settings, [row for row in rows if row["run"] == settings.name]) for settings in cells]
    first = cells[0]
    console.table(
        f"{first.data}, {first.model}, test of the best validation epoch",
        ["attention", "maxlen", "seed", "Recall@10", "NDCG@10", "±", "MRR@10", "epoch", "MiB"],
        lines + means(cells, rows),
        "leave-one-out, full ranking, seen items removed, ties at their mean rank; ±: one standard error of NDCG over"
        " users, or, of a mean, its standard deviation over seeds."
        f" At least {first.min_user} events a user, {first.min_item} an item. {first.device}, {first.dtype},"
        f" {first.threads} threads. MiB: peak memory of training above what stood before the model.",
    )
    for settings in cells:
        console.say(f"{results_dir / 'runs' / settings.name}")


def line(settings: Train, rows: list[Row]) -> list[object]:
    """Write a cell as a line of the table."""
    start = [settings.attn, settings.maxlen, settings.seed]
    test = {row["metric"]: row for row in rows if row["stage"] == "test" and row["k"] == 10}
    cost = {row["metric"]: row for row in rows if row["stage"] == "train"}
    if not test:
        return [*start, "–", rows[0]["status"], *"––––"]
    recall, ndcg, mrr = (test[name]["value"] for name in QUALITY)
    error = test["ndcg"]["high"] - ndcg
    seconds = console.duration(cost["seconds_per_epoch"]["value"])
    return [*start, *(f"{value:.4f}" for value in (recall, ndcg, error, mrr)), seconds, mebibytes(cost["peak_bytes"])]


def means(cells: list[Train], rows: list[Row]) -> list[list[object]]:
    """Average each mechanism and length over its seeds, where there are several; ± is their standard deviation."""
    names = {cell.name: (cell.attn, cell.maxlen) for cell in cells}
    lines: list[list[object]] = []
    for attn, maxlen in dict.fromkeys(names.values()):
        runs = [name for name, own in names.items() if own == (attn, maxlen)]
        test = [r for r in rows if r["run"] in runs and r["stage"] == "test" and r["k"] == 10]
        recall, ndcg, mrr = ([r["value"] for r in test if r["metric"] == metric] for metric in QUALITY)
        if len(ndcg) > 1:
            numbers = (mean(recall), mean(ndcg), stdev(ndcg), mean(mrr))
            lines.append([attn, maxlen, "mean", *(f"{number:.4f}" for number in numbers), "", ""])
    return lines


def mebibytes(row: Row) -> str:
    """Write a number of bytes in MiB."""
    return f"{row['value'] / 2**20:.0f}"
