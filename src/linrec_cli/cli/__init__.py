"""The command line: one file a command, and `main`, which turns every error into one line and an exit code."""

import errno
import importlib
import os
import pkgutil
import signal
import sys
from types import FrameType, ModuleType
from typing import Any

import typer

from linrec_cli import __version__, processes, temporary
from linrec_cli.cli import config, console
from linrec_cli.errors import LinrecError, UsageError

ORDER = (
    *("download", "preprocess", "train", "evaluate", "recommend", "export"),
    *("advise", "profile", "compare", "plot", "report", "show", "doctor"),
)
"""In which help lists the commands; one that is not named here comes after."""


def commands() -> dict[str, ModuleType]:
    """Find the commands: the files of this folder that have `command` and `HELP`."""
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    names.sort(key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))
    modules = {name.replace("_", "-"): importlib.import_module(f"{__name__}.{name}") for name in names}
    return {name: one for name, one in modules.items() if hasattr(one, "command") and hasattr(one, "HELP")}


app = typer.Typer(
    name="linrec",
    help="Benchmark sequential recommenders with linear attention: quality, time and memory over lengths.",
    epilog="Settings: flags, then LINREC_<COMMAND>_<OPTION> in the environment, then linrec.toml, then defaults.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"auto_envvar_prefix": "LINREC", "help_option_names": ["-h", "--help"]},
    add_completion=False,
)
for name, module in commands().items():
    app.command(name, help=module.HELP)(module.command)
INTERRUPTED, TERMINATED = 130, 143
"""What Typer makes of Ctrl-C, and `terminate` of SIGTERM."""
TOGETHER = ("train", "evaluate")
"""Commands that torchrun may start several processes for."""
AGAIN = "start the same command again to go on"


def show_version(wanted: bool) -> None:
    """Print the version and stop."""
    if wanted:
        typer.echo(f"linrec {__version__}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    version: bool = typer.Option(False, "--version", callback=show_version, is_eager=True, help="Print the version."),
) -> None:
    """Read `linrec.toml` before any command runs.

    Raises:
        UsageError: several processes were started for what one does.
    """
    if processes.count() > 1 and ctx.invoked_subcommand not in TOGETHER:
        raise UsageError(f"linrec {ctx.invoked_subcommand} is done by one process; leave torchrun out.")
    ctx.default_map = config.read(ctx)


def terminate(signum: int, frame: FrameType | None) -> None:
    """Leave on SIGTERM through every `finally`."""
    raise SystemExit(TERMINATED)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code (0 fine, 1 internal, 2 usage, 3 data, 4 nothing measured)."""
    # torch's profiler would write to stderr that it starts and stops.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    signal.signal(signal.SIGTERM, terminate)
    temporary.tidy()
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
            console.fail(f"interrupted; {AGAIN}.")
        return code
    except SystemExit as leaving:
        if leaving.code == TERMINATED:
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
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        console.fail(f"cannot write: {error.strerror}; free some space.")
        console.nowhere()
        return 1
