"""`linrec.toml`: defaults of a folder, a table a command (`[train]`), shared keys at the top; and the environment's."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from linrec_cli import catalog
from linrec_cli.errors import UsageError

FILE = "linrec.toml"


def read(ctx: typer.Context) -> dict[str, Any] | None:
    """Read the file into Typer's default map; nothing is silently ignored.

    Raises:
        UsageError: not TOML, or a key that no command has (with the closest known one).
    """
    path = Path(FILE)
    if not path.is_file():
        return None
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{FILE} is not valid TOML ({error}); mend it or move it away.") from None
    commands: dict[str, dict[str, str]] = {
        name: spelled(command)
        for name, command in ctx.command.commands.items()  # type: ignore[attr-defined]
    }
    shared = {key: content.pop(key) for key in list(content) if not isinstance(content[key], dict)}
    for key in shared:
        if not any(meant(flags, key) for flags in commands.values()):
            known = {flag for flags in commands.values() for flag in flags}
            raise catalog.unknown(f"setting in {FILE}", key, sorted(known))
    merged: dict[str, Any] = {}
    for name, flags in commands.items():
        merged[name] = {own: text(value) for key, value in shared.items() if (own := meant(flags, key))}
    for name, table in content.items():
        if name not in commands:
            raise catalog.unknown(f"table in {FILE}", name, commands)
        for key, value in table.items():
            if not (own := meant(commands[name], key)):
                raise catalog.unknown(f"setting in {FILE} under [{name}]", key, list(commands[name]))
            merged[name][own] = text(value)
    return merged


def environment(ctx: typer.Context) -> None:
    """Let variables be called as flags are too (`LINREC_TRAIN_SEEN` for `--seen`); Typer knows parameters' names alone.

    Raises:
        UsageError: a variable of the command that is about to run means no option of it (with the closest known one).
    """
    command = ctx.command.commands.get(ctx.invoked_subcommand)  # type: ignore[attr-defined]
    if command is None:
        return
    options = {one.name: one for one in command.params if one.param_type_name == "option"}
    flags = {flag: name for flag, name in spelled(command).items() if name in options}
    prefix = f"{ctx.auto_envvar_prefix}_{ctx.invoked_subcommand}_".replace("-", "_").upper()
    for name, one in options.items():
        if not one.envvar:
            # Help has one line on all of them.
            one.envvar, one.show_envvar = [variable(prefix, flag) for flag in flags if flags[flag] == name], False
    known = sorted({variable(prefix, name) for name in [*flags, *flags.values()]})
    for name, value in os.environ.items():
        # Of an empty variable Typer takes no notice either.
        if name.startswith(prefix) and value and name not in known:
            raise catalog.unknown("option for the variable", name, known)


def variable(prefix: str, name: str) -> str:
    """Write a flag's or a parameter's name as the environment has it."""
    return prefix + name.replace("-", "_").upper()


def spelled(command: Any) -> dict[str, str]:
    """Give the names of a command's parameters by their flags, or what an argument is called."""
    return {
        flag.removeprefix("--").replace("_", "-"): one.name
        for one in command.params
        for flag in one.opts
        if flag.startswith("--") or not flag.startswith("-")
    }


def meant(flags: Mapping[str, str], key: str) -> str:
    """Give the name of the parameter that a key of the file means, by its flag or its own name; empty if none."""
    own = key.replace("-", "_")
    return flags.get(key.replace("_", "-")) or (own if own in flags.values() else "")


def text(value: Any) -> Any:
    """Write a list the way the option takes it: `[50, 100]` as `50,100`."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else value
