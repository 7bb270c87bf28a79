"""The command line: one file a command, and `main`, which turns every error into one line and an exit code."""

import errno
import io
import os
import sys
import warnings
from types import ModuleType
from typing import Annotated, Any

import typer

from linrec_cli import catalog, processes, refusals, temporary
from linrec_cli.cli import config, console, stops
from linrec_cli.errors import DataError, LinrecError, UsageError

ORDER = (
    *("download", "preprocess", "train", "evaluate", "recommend", "export"),
    *("advise", "profile", "compare", "plot", "report", "show", "doctor"),
)
"""In which help lists the commands; one that is not named here comes after."""


FAULTS: list[str] = []
"""What is said of each file of this folder that cannot be imported; the other commands are there."""


def commands() -> dict[str, ModuleType]:
    """Find the commands: the files of this folder that have `command` and `HELP`."""
    found = catalog.sound("cli", FAULTS.append)
    names = sorted(found, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    return {name: found[name] for name in names if hasattr(found[name], "command") and hasattr(found[name], "HELP")}


app = typer.Typer(
    name="linrec",
    help="Benchmark sequential recommenders with linear attention: quality, time and memory over lengths.",
    epilog="Settings: flags, then LINREC_<COMMAND>_<OPTION> in the environment, then linrec.toml, then defaults.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"auto_envvar_prefix": "LINREC", "help_option_names": ["-h", "--help"]},
)
for name, module in commands().items():
    app.command(name, help=module.HELP)(module.command)
INTERRUPTED = 130
"""What Typer makes of Ctrl-C, and leaves."""
TOGETHER = ("train", "evaluate")
"""Commands that torchrun may start several processes for."""
AGAIN = "start the same command again to go on"


def show_version(wanted: bool) -> None:
    """Print the version and stop."""
    if wanted:
        from linrec_cli import machine

        typer.echo(machine.version())
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    version: Annotated[
        bool,
        # Another program's LINREC_VERSION, say of an image, is no flag.
        typer.Option(
            "--version",
            callback=show_version,
            is_eager=True,
            allow_from_autoenv=False,
            help="Print the version, with commit, torch and device.",
        ),
    ] = False,
) -> None:
    """Read `linrec.toml` and the environment's names before any command runs.

    Raises:
        UsageError: several processes were started for what one does.
    """
    if processes.count() > 1 and ctx.invoked_subcommand not in TOGETHER:
        raise UsageError(f"linrec {ctx.invoked_subcommand} is done by one process; leave torchrun out.")
    config.environment(ctx)
    ctx.default_map = config.read(ctx)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code (0 fine, 1 internal, 2 usage, 3 data, 4 nothing measured)."""
    # torch's profiler would write to stderr that it starts and stops.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    # What a terminal's encoding lacks is shown as it can be.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    warnings.formatwarning = console.warning
    stops.heed(run.__code__)
    temporary.tidy()
    for said in FAULTS:
        console.fail(said)
    code = run(arguments)
    try:
        sys.stdout.flush()
    except OSError as error:
        console.nowhere()
        if not isinstance(error, BrokenPipeError):
            console.fail(f"cannot write to stdout: {error.strerror}.")
            code = code or 1
    sys.exit(code)


def run(arguments: list[str] | None = None) -> Any:
    """Run the command line and return its exit code."""
    try:
        code = app(args=arguments, standalone_mode=False) or 0
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        return code
    except KeyboardInterrupt:
        console.fail(f"interrupted; {AGAIN}.")
        return INTERRUPTED
    except SystemExit as leaving:
        if leaving.code == stops.TERMINATED:
            console.fail(f"terminated; {AGAIN}.")
        return leaving.code
    except LinrecError as error:
        console.fail(str(error))
        return error.exit_code
    except typer.TyperException as error:
        # Without a command there is no message: the help is printed.
        if message := " ".join(error.format_message().split()):
            console.fail(message)
        return 2
    except BrokenPipeError:
        console.nowhere()
        return 0
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:
            console.fail(f"cannot write: {error.strerror}; free some space.")
            console.nowhere()
            return 1
        # Where nobody thought of it, the system's refusal is no fault of linrec's either.
        if not (said := refusals.line(error)):
            raise
        console.fail(said)
        return DataError.exit_code
