"""Options, each made from the setting it is of, or shared by several commands; and how lists of values are read."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import Field
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from linrec_cli import catalog, processes
from linrec_cli.cli import config
from linrec_cli.declared import Declared, declared, each, element, flag
from linrec_cli.errors import UsageError
from linrec_cli.settings import AUTO, MODEL

PRESET = "linrec.preset"
OUTPUT, WHERE = "Output", "Where things are"
NUMBERS = {int: "whole numbers as 50,100,200", float: "numbers as 1e-3,3e-3"}
Command = Callable[..., None]
Kind = TypeVar("Kind")


def option(panel: str, text: str, *flags: str, **more: Any) -> Any:
    """Declare an option with its group and its help text."""
    return typer.Option(*flags, rich_help_panel=panel, help=text, show_envvar=False, **more)


def known(package: str) -> str:
    """Write the names of a catalog for a help text."""
    return ", ".join(catalog.names(package))


def preset(ctx: typer.Context, name: str) -> str:
    """Make the settings of a preset the defaults of a command, in the place of what `linrec.toml` says.

    Raises:
        UsageError: there is no such preset, or it says something that is no option.
    """
    flags, found = config.spelled(ctx.command), dict[str, Any]()
    for key, value in catalog.load("presets", name).SETTINGS.items() if name else ():
        if not (own := config.meant(flags, str(key))):
            raise catalog.unknown(f"setting in preset {name}", str(key), list(flags))
        found[own] = config.text(value)
    ctx.meta[PRESET] = found
    ctx.default_map = {**(ctx.default_map or {}), **found}
    return name


Preset = Annotated[
    str,
    option(
        MODEL,
        f"Settings that belong together; a flag beside it comes first. Known: {known('presets')}.",
        "--preset",
        callback=preset,
        is_eager=True,
    ),
]
Json = Annotated[bool, option(OUTPUT, "Print one JSON document on stdout, nothing else.", "--json")]
DataDir = Annotated[Path, option(WHERE, "Folder of the data sets.", "--data-dir", envvar="LINREC_DATA_DIR")]
ResultsDir = Annotated[Path, option(WHERE, "Folder of the results.", "--results-dir", envvar="LINREC_RESULTS_DIR")]
Elsewhere = Annotated[Path | None, typer.Option("--results-dir", hidden=True)]
"""What a command that takes the folder of the results as its argument is given by habit."""
Out = Annotated[Path | None, typer.Option("--out", hidden=True)]
"""What `--output` was once called."""
DATASETS = Path("datasets")
RESULTS = Path("results")


def of(*kinds: Any) -> Callable[[Command], Command]:
    """Give a command the options of all settings of some kinds, in the place of its `**given`, but for its own."""

    def made(command: Command) -> Command:
        own = list(inspect.signature(command, eval_str=True).parameters.values())
        first = [one for one in own if one.kind is one.POSITIONAL_OR_KEYWORD]
        last = [one for one in own if one.kind is one.KEYWORD_ONLY]
        names = {one.name for one in own}
        every = (parameter(item, how) for kind in kinds for item, how in declared(kind) if how.panel)
        settings = [one for one in every if one.name not in names]
        parameters = [one.replace(kind=one.KEYWORD_ONLY) for one in (*first, *settings, *last)]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {one.name: one.annotation for one in parameters}
        return command

    return made


def parameter(item: "Field[Any]", how: Declared) -> inspect.Parameter:
    """Make the parameter that Typer reads an option from."""
    kind = element(item)
    more: dict[str, Any] = {"show_default": how.shown} if how.shown else {}
    if how.axis:
        more["metavar"] = f"<{kind.__name__},...>"
    text = f"{how.help} Known: {known(how.folder)}." if how.folder else how.help
    default = item.default if how.asked is ... else how.asked
    if how.axis:
        kind, default = str, joined(default)
    # A switch has no opposite: what is off is not given.
    flags = [flag(item.name)] if kind is bool or how.also else []
    flags += [how.also] if how.also else []
    kind = kind | None if default is None else kind
    annotation: Any = Annotated[kind, option(how.panel, text, *flags, **more)]
    return inspect.Parameter(item.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def given(kind: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Take the settings of a kind from what the options gave.

    One that may have several values is a list of them; where that is left to others, an empty one.
    """
    found = {item.name: (item, how, values[item.name]) for item, how in declared(kind) if how.panel}
    return {
        name: ([] if value == how.asked else several(item, value)) if how.axis else value
        for name, (item, how, value) in found.items()
    }


def made(kind: type[Kind], values: Mapping[str, Any]) -> Kind:
    """Make settings of what the options gave, and of what the machine decides."""
    own = here(given(kind, values))
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in own.items()})


def several(item: "Field[Any]", text: str) -> list[Any]:
    """Read `a,b,c` as values of a setting, each once.

    Raises:
        UsageError: one is not of the setting's type, or there is an empty one.
    """
    kind = element(item)
    try:
        return list(dict.fromkeys(map(kind, listed(text))))
    except ValueError:
        raise UsageError(f"{flag(item.name)} takes {NUMBERS[kind]}, not '{text}'.") from None


def joined(value: Any) -> str:
    """Write one value, or several, as they are given on the command line."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def listed(text: str) -> list[str]:
    """Split `a,b,c`; repeats are dropped, order is kept."""
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise UsageError(f"'{text}' has an empty entry; write a list as a,b,c.")
    return list(dict.fromkeys(parts))


def asked(ctx: typer.Context) -> set[str]:
    """Name the options that stand on the command line, in the environment or in `linrec.toml`."""
    return {name for name in ctx.params if getattr(ctx.get_parameter_source(name), "name", "") != "DEFAULT"}


def here(settings: dict[str, Any]) -> dict[str, Any]:
    """Let the machine decide what is left to it: device, dtype, threads.

    Raises:
        UsageError: there is no such device.
    """
    from linrec_cli import machine

    device = machine.device(settings["device"])
    threads = settings["threads"] or max(1, machine.cores() // processes.here())
    found: dict[str, Any] = {"device": device, "threads": threads}
    if "dtype" in settings:
        asked = settings["dtype"]
        known = list(dict.fromkeys(machine.dtype(name, device) for name in each(asked) or (AUTO,)))
        found["dtype"] = known if isinstance(asked, list) else known[0]
    return settings | found
