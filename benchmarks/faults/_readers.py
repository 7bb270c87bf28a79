"""All that linrec reads, each as what a command does with it, given any bytes."""

import contextlib
import functools
import inspect
import io
import os
import random
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import typer
from faults import _mutate, bits

from linrec_cli import catalog, cli, runs
from linrec_cli.analysis.history import curves
from linrec_cli.analysis.verdict import Rule
from linrec_cli.analysis.verdict_text import markdown
from linrec_cli.cli import config, options, recommend, show
from linrec_cli.cli.chart import chart
from linrec_cli.data import prepare
from linrec_cli.data import store as prepared
from linrec_cli.data.file import read as logs
from linrec_cli.data.origin import Origin
from linrec_cli.declared import check_names
from linrec_cli.errors import LinrecError
from linrec_cli.reporting import content as contents
from linrec_cli.reporting import html
from linrec_cli.reporting import markdown as pages
from linrec_cli.results import schema, store
from linrec_cli.runs import axes, compare, find, read, result
from linrec_cli.runs import recommend as served
from linrec_cli.runs import stream as streams
from linrec_cli.runs.result import HISTORY
from linrec_cli.settings import Evaluate, Train
from linrec_cli.training import checkpoint, fit

CORPUS = Path(__file__).parent / "corpus"
REFUSED = (LinrecError, typer.TyperException, typer.Exit)
"""What the command line turns into one line and an exit code."""
HOW: tuple[dict[str, Any], ...] = (
    {},
    {},
    *[{"skip_bad": True}] * 4,
    {"time": "none"},
    {"user": "user"},
    {"time_format": "day-first", "skip_bad": True},
    {"time_format": "%d.%m.%Y %H:%M"},
    {"columns": "user,item,_,time"},
    {"columns": "user,items"},
)
Read = Callable[[bytes, random.Random], object]


class Reader(NamedTuple):
    """What is read.

    Attributes:
        seeds: what is altered.
        read: reads it as a command does.
        mutate: alters one of the seeds.
        text: whether it grows by more lines; what a model answers line by line does not.
    """

    seeds: Sequence[bytes]
    read: Read
    mutate: Callable[[random.Random, Sequence[bytes]], bytes] = _mutate.text
    text: bool = True


def corpus(kind: str) -> list[bytes]:
    """Read the seeds of a kind."""
    return [path.read_bytes() for path in sorted((CORPUS / kind).iterdir())]


def readers() -> dict[str, Callable[[], Reader]]:
    """Give what makes each reader."""
    text = {"csv": "csv", "tsv": "tsv", "inter": "inter", "json": "jsonl"}
    found: dict[str, Callable[[], Reader]] = {kind: log(kind, suffix) for kind, suffix in text.items()}
    found |= {"parquet": parquet}
    found |= {name: catalogued(*names) for name, *names in (
        ("movielens", "ml-100k", "ml-1m", "ml-20m"), ("gowalla", "gowalla"), ("others", "amazon-beauty", "kuairand-1k",
         "lastfm-1k"))}  # fmt: skip
    run = {"settings": settings, "checkpoint": checkpoints, "weights": weights, "table": tables, "history": history,
           "ranks": ranks, "lists": lists, "users": users, "stream": stream}  # fmt: skip
    return found | run | {"config": configured, "specs": specs}


def log(kind: str, suffix: str) -> Callable[[], Reader]:
    """Make the reader of a log of one's own, up to its preparation."""

    def read(content: bytes, chance: random.Random) -> None:
        path = Path(f"log.{suffix}")
        path.write_bytes(content)
        prepare.prepare(logs.read(path, **chance.choice(HOW)).events, 0, 0)

    return lambda: Reader(corpus(kind), read)


def parquet() -> Reader:
    """Make the reader of Parquet: its cells and its bytes."""
    nested = [{"uid": 1, "events": [{"aid": 5, "ts": 10}, {"aid": 6, "ts": 11}]}, {"uid": 2, "events": []}]
    frames = [bits.invented().head(40), pl.DataFrame(nested), pl.DataFrame({"user": ["a"], "item": [[1, 2]]})]
    frames.append(frames[0].with_columns(pl.from_epoch("time"), pl.col("item").cast(pl.Categorical)))
    _, read = log("csv", "parquet")()[:2]
    return Reader([parquet_of(frame) for frame in frames], read, _mutate.table, text=False)


def parquet_of(frame: pl.DataFrame) -> bytes:
    """Write a frame as Parquet."""
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


def catalogued(*names: str) -> Callable[[], Reader]:
    """Make the reader of data sets of the catalog: each of their files is altered, within its archive if it has one."""
    files = [(catalog.load("datasets", name), file, member) for name in names
             for file, members in catalog.load("datasets", name).EXAMPLE.items() for member in members]  # fmt: skip
    numbered = {f"{number}\n".encode() + module.EXAMPLE[file][member].encode(): (module, file, member)
                for number, (module, file, member) in enumerate(files)}  # fmt: skip

    def read(content: bytes, chance: random.Random) -> None:
        number, _, content = content.partition(b"\n")
        module, file, member = files[int(number)]
        path = put(Path(file), {**module.EXAMPLE[file], member: content})
        os.utime(path, ns=(chance.randrange(2**60),) * 2)

        def opened() -> tuple[Any, Any, list[str]]:
            return module.read(path), module.items(path) if hasattr(module, "items") else None, []

        origin = Origin(module.__name__.rpartition(".")[2], [], opened, remedy="fetch it again")
        prepared.prepared(origin, Path("nowhere"), {"min_user": 0, "min_item": 0}, lambda line: None)

    def mutate(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
        number, _, content = chance.choice(seeds).partition(b"\n")
        return number + b"\n" + _mutate.text(chance, [content])

    return lambda: Reader(list(numbered), read, mutate)


def put(path: Path, members: dict[str, bytes]) -> Path:
    """Write a file, or an archive of several."""
    encoded = {name: text if isinstance(text, bytes) else text.encode() for name, text in members.items()}
    if path.suffix in (".zip", ".whl"):
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in encoded.items():
                archive.writestr(name, text)
    elif path.name.endswith(".tar.gz"):
        import tarfile

        with tarfile.open(path, "w:gz", compresslevel=1) as taped:
            for name, text in encoded.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(text)
                taped.addfile(entry, io.BytesIO(text))
    else:
        path.write_bytes(encoded[""])
    return path


def left() -> Path:
    """Give the folder of a finished training, in the folder we are in; one that was cut short lies beside it.

    They are made once beside that folder, and copied: what a child was reading when it died is altered.
    """
    here, made = Path.cwd(), Path("../made").resolve()
    if not Path("done").is_dir():
        if not made.is_dir():
            made.mkdir()
            os.chdir(made)
            bits.leave()
            profiled()
            runs.evaluate(Path("done"), settings=Evaluate(k=(1, 10)), results_dir=Path("evaluated"))
            os.chdir(here)
        shutil.copytree(made, here, dirs_exist_ok=True)
    return Path("done")


def profiled() -> None:
    """Leave the folder of a profile, of invented numbers."""
    from linrec_cli.settings import Profile

    cells = [("softmax", 2e-6, 2), ("linear", 6e-5, 1)]
    shared = {"run": "profiled", "command": "profile", "model": "sasrec", "phase": "attention", "layers": 2, "width": 8,
              "heads": 2, "device": "cpu", "dtype": "float32", "threads": 1, "torch": "2", "kernel": "k"}  # fmt: skip
    rows = [{"attention": name, "maxlen": length, "metric": metric, "unit": unit, "value": scale * cost * length**power,
             "low": cost, "high": cost * 1e4, "samples": [cost, 2 * cost, cost * 3]}
            for name, cost, power in cells for length in (64, 128, 256)
            for metric, unit, scale in (("seconds", "s", 1.0), ("peak_bytes", "B", 1e9))]  # fmt: skip
    settings = {name: getattr(Profile(attn=("softmax", "linear"), maxlen=(64, 128, 256), phase=("attention",)), name)
                for name in ("attn", "maxlen", "phase", "width", "heads", "tokens")}  # fmt: skip
    store.write_frame(schema.table(shared, rows), Path("profiled") / store.TABLE)
    store.write_settings(settings, Path("profiled") / store.SETTINGS)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Take what is printed."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def told(folder: Path, chance: random.Random) -> None:
    """Say of a run what one of `linrec show`, `linrec report` and `linrec compare` says, but for the figures."""
    way = chance.choice((shown, listed, reported, compared))
    run = read.read(folder)
    with silent():
        way(run, folder)
    if run.damage:
        raise LinrecError(run.damage)


def shown(run: read.Run, folder: Path) -> None:
    """Say what `linrec show RUN` says."""
    show.show(run)


def listed(run: read.Run, folder: Path) -> None:
    """Say what `linrec show` says of all runs, in either form."""
    show.listing([run], folder, False)
    show.listing([run], folder, True)


def reported(run: read.Run, folder: Path) -> None:
    """Say what `linrec report` says."""
    parts = list(contents.parts([run], store.read(folder), []))
    pages.page("x", "y", parts)
    html.page("x", "y", parts)


def compared(run: read.Run, folder: Path) -> None:
    """Say what `linrec compare` says."""
    markdown(compare.compare(folder, folder, Rule()), Rule())


def beside(file: str, folders: Sequence[str], read: Callable[[Path, random.Random], object]) -> Read:
    """Read a run's folder, one file of which is altered."""

    def put(content: bytes, chance: random.Random) -> None:
        number, _, content = content.partition(b"\n")
        path = Path(folders[int(number)]) / file
        whole = path.read_bytes()
        try:
            path.write_bytes(content)
            read(path.parent, chance)
        finally:
            path.write_bytes(whole)

    return put


def kept(file: str, folders: Sequence[str], read: Callable[[Path, random.Random], object], mutate: Any) -> Reader:
    """Make the reader of a file in runs' folders; a seed begins with the number of its folder."""
    seeds = [b"%d\n" % number + (Path(folder) / file).read_bytes() for number, folder in enumerate(folders)]

    def altered(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
        number, _, content = chance.choice(seeds).partition(b"\n")
        return number + b"\n" + mutate(chance, [content])

    return Reader(seeds, beside(file, folders, read), altered, text=False)


def evaluated() -> str:
    """Name the folder of the evaluation."""
    return str(next(Path("evaluated/runs").iterdir()))


def settings() -> Reader:
    """Make the reader of a run's settings: as one is shown, found, checked and taken up."""
    known = runs.prepare("ring.csv", min_item=0) if left() else None

    def use(folder: Path, chance: random.Random) -> None:
        find.trainings(folder.parent)
        if folder.name == "done" and known:
            result.read(folder, known)
            find.check(bits.runs_settings(known), folder)
        told(folder, chance)

    return kept(store.SETTINGS, ["done", "profiled", evaluated()], use, _mutate.sealed)


def checkpoints() -> Reader:
    """Make the reader of checkpoints: one is taken up, and the epochs in it are listed."""
    left()
    data = runs.prepare("ring.csv", min_item=0)
    state = fit.start(bits.runs_settings(data), data.sequences, data.split("leave-one-out"))

    def use(folder: Path, chance: random.Random) -> None:
        run = read.read(folder)
        with silent():
            show.show(run)
        checkpoint.load(state, folder)

    return kept(checkpoint.CHECKPOINT, ["cut"], use, _mutate.tensors)


def weights() -> Reader:
    """Make the reader of weights, up to the model."""
    left()
    data = runs.prepare("ring.csv", min_item=0)
    return kept(checkpoint.WEIGHTS, ["done"], lambda folder, chance: result.read(folder, data), _mutate.tensors)


def tables() -> Reader:
    """Make the reader of result tables, up to all that is said of them."""
    left()
    return kept(store.TABLE, ["done", "profiled", evaluated()], told, _mutate.table)


def history() -> Reader:
    """Make the reader of histories."""
    left()

    def use(folder: Path, chance: random.Random) -> None:
        run = read.read(folder)
        # What else is shown of a run is no history's.
        for _, values in curves(run.history):
            chart(values)
        [*run.missing(), run.headline, run.state]

    return kept(HISTORY, ["done"], use, _mutate.table)


def ranks() -> Reader:
    """Make the reader of ranks, up to the comparison of two runs."""
    left()

    def use(folder: Path, chance: random.Random) -> None:
        markdown(compare.compare(folder, folder, Rule()), Rule())

    return kept(store.RANKS, ["done", evaluated()], use, _mutate.table)


def lists() -> Reader:
    """Make the reader of `--history`."""
    run = served.opened(left())

    def read(content: bytes, chance: random.Random) -> None:
        text = content.decode("utf-8", "surrogateescape")
        histories = [[one.strip() for one in line.split(",") if one.strip()] for line in text.split("\n")]
        found = served.recommend(run, 3, histories=histories)
        with silent():
            recommend.show(found.to_dicts(), "remove")

    return Reader(corpus("history"), read, text=False)


def users() -> Reader:
    """Make the reader of `--file`: users, in CSV or Parquet."""
    run = served.opened(left())

    def read(content: bytes, chance: random.Random) -> None:
        path = Path("users.parquet" if content[:4] == b"PAR1" else "users.csv")
        path.write_bytes(content)
        served.recommend(run, 3, users=served.users_of(path))

    seeds = [b"user\nu1\nu2\n", b"a,user_id\n1,u5\n", parquet_of(pl.DataFrame({"user": ["u3"]}))]
    return Reader(seeds, read, text=False)


def stream() -> Reader:
    """Make the reader of `--stream`."""
    run = served.opened(left())

    def read(content: bytes, chance: random.Random) -> None:
        sys.stdin = io.TextIOWrapper(io.BytesIO(content))
        for one in streams.Stream(run, 3).answers(recommend.events()):
            recommend.line(one, as_json=False)
            recommend.line(one, as_json=True)

    return Reader(corpus("stream"), read, text=False)


def configured() -> Reader:
    """Make the reader of `linrec.toml`, up to the settings of commands."""

    def read(content: bytes, chance: random.Random) -> None:
        Path(config.FILE).write_bytes(content)
        asked(chance.choice((["train"], ["profile"], ["evaluate", "RUN"], ["preprocess", "x"], ["download"])))

    return Reader(corpus("config"), read)


def asked(arguments: list[str]) -> None:
    """Read the command line, and `linrec.toml`, as a command does; make and check the settings of a training."""
    group = commands()
    context = group.make_context("linrec", arguments[:1])
    context.default_map = config.read(context)
    own = group.commands[arguments[0]].make_context(arguments[0], arguments[1:], parent=context)
    if arguments[0] == "train":
        given = options.given(Train, own.params)
        swept = {name: given.pop(name) for name in axes.axes()}
        for cell in axes.cells(options.here(given), swept):
            check_names(cell)


@functools.cache
def commands() -> Any:
    """Give the command line."""
    return typer.main.get_command(cli.app)


def specs() -> Reader:
    """Make the reader of specs: a name with options, in the place where one is taken."""
    folders = {
        "attentions": ("attn", "Mechanism"),
        "models": ("model", "Model"),
        "objectives": ("objective", "targets"),
        "losses": ("loss", "loss"),
        "splits": ("split", "split"),
    }
    seeds = []
    for folder, (flag, attribute) in folders.items():
        for name in catalog.names(folder):
            made = getattr(catalog.load(folder, name), attribute, None)
            parameters = inspect.signature(made).parameters.values() if made else ()
            own = [f"{one.name}={one.default}" for one in parameters if one.default is not inspect.Parameter.empty]
            seeds.append(f"{flag}\n{':'.join([name, *own])}".encode())
    seeds += [b"maxlen\n50,100", b"lr\n1e-3,3e-3", b"seed\n0", b"metric\nndcg@10"]
    seeds.append(b"data\nsynthetic:users=100:items=300:lag=64")

    def read(content: bytes, chance: random.Random) -> None:
        flag, _, text = content.decode("utf-8", "surrogateescape").partition("\n")
        if flag == "metric":
            from linrec_cli.analysis.labels import metric_of

            metric_of(text)
        elif flag == "data" and text.startswith("synthetic"):
            catalog.load("datasets", "synthetic").options(text)
        else:
            asked(["train", f"--{flag}={text}"])

    def mutate(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
        flag, _, text = chance.choice(seeds).partition(b"\n")
        return flag + b"\n" + _mutate.text(chance, [text])

    return Reader(seeds, read, mutate)
