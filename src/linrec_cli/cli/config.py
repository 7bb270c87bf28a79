"""`linrec.toml`: defaults of a folder, a table a command (`[train]`), shared keys at the top."""

import tomllib
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
    commands: dict[str, list[str]] = {
        name: [p.name for p in command.params if p.name]
        for name, command in ctx.command.commands.items()  # type: ignore[attr-defined]
    }
    shared = {key: content.pop(key) for key in list(content) if not isinstance(content[key], dict)}
    for key in shared:
        known = {name for names in commands.values() for name in names}
        if key.replace("-", "_") not in known:
            raise catalog.unknown(f"setting in {FILE}", key, sorted(known))
    merged: dict[str, Any] = {}
    for name, params in commands.items():
        merged[name] = {k.replace("-", "_"): text(v) for k, v in shared.items() if k.replace("-", "_") in params}
    for name, table in content.items():
        if name not in commands:
            raise catalog.unknown(f"table in {FILE}", name, commands)
        for key, value in table.items():
            if key.replace("-", "_") not in commands[name]:
                known_keys = [p.replace("_", "-") for p in commands[name]]
                raise catalog.unknown(f"setting in {FILE} under [{name}]", key, known_keys)
            merged[name][key.replace("-", "_")] = text(value)
    return merged


def text(value: Any) -> Any:
    """Write a TOML list the way the option takes it: `[50, 100]` as `50,100`."""
    return ",".join(map(str, value)) if isinstance(value, list) else value
