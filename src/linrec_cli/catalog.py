"""A folder of modules read as a list of names: file name = command-line name (with `-` for `_`)."""

import difflib
import importlib
import inspect
import pkgutil
import re
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple, get_args, get_origin

from linrec_cli.errors import FaultError, LinrecError, UsageError
from linrec_cli.refusals import first, full, place

MANY = 30
"""Names that an error lists: more than any folder of modules has."""


class Range(NamedTuple):
    """What a number of a spec may be, ends included: `features: Annotated[int, Range(0, 1024)] = 0`."""

    low: float
    high: float


def names(package: str) -> list[str]:
    """List the modules of `linrec_cli.<package>`; a leading underscore means shared code, not a name."""
    return list(files(package))


def files(package: str) -> Mapping[str, str]:
    """Give the name of each module of a folder by what it is called on the command line."""
    return _listed(*importlib.import_module(f"linrec_cli.{package}").__path__)


@cache
def _listed(*folders: str) -> Mapping[str, str]:
    """List folders once: a metric's name is asked for in every epoch."""
    found = {module.name.replace("_", "-"): module.name for module in pkgutil.iter_modules(folders)}
    return {name: file for name, file in sorted(found.items()) if not file.startswith("_")}


def load(package: str, name: str) -> ModuleType:
    """Import the module that `name` stands for.

    Raises:
        UsageError: there is no such name; the message lists the known ones.
        FaultError: it cannot be imported, or lacks what the folder's `MUST` says that each has.
    """
    known = files(package)
    if name not in known:
        raise unknown(kind(package), name, known)
    with blamed(package, name, "cannot be imported"):
        module = importlib.import_module(f"linrec_cli.{package}.{known[name]}")
    for key, what in getattr(importlib.import_module(f"linrec_cli.{package}"), "MUST", {}).items():
        if not hasattr(module, key):
            raise fault(package, name, f"lacks {key}")
        if not fits(value := getattr(module, key), what):
            raise fault(package, name, f"has {key} = {reprlib.repr(value)}, which is no {called(what)}")
    return module


def sound(package: str, tell: Callable[[str], object] = lambda said: None) -> dict[str, ModuleType]:
    """Import every module of a folder that can be; `tell` hears of each that cannot, in one line."""
    found = {}
    for name in names(package):
        try:
            found[name] = load(package, name)
        except FaultError as error:
            tell(str(error))
    return found


@contextmanager
def blamed(package: str, spec: str, what: str) -> Iterator[None]:
    """Turn what is raised by a file of a catalog into one line that names it; memory that runs out is not its fault.

    Args:
        what: cannot be done with it.

    Raises:
        FaultError: something was raised that no rule of linrec's own refuses.
    """
    try:
        yield
    except LinrecError:
        raise
    except Exception as error:
        if full(error):
            raise
        name = spec.partition(":")[0]
        said = f"{type(error).__name__}: {first(error).rstrip('.')}"
        where = place(error, f"{package}/{files(package)[name]}.py")
        raise fault(package, name, f"{what}: {said}", where) from error


def fault(package: str, name: str, what: str, where: str = "") -> FaultError:
    """Make the error for a file of a catalog that does not what it should; `where` is a line of it."""
    file = where or f"{package}/{files(package)[name]}.py"
    return FaultError(f"{kind(package)} '{name}' ({file}) {what}; mend the file, or take it away.")


def kind(package: str) -> str:
    """Call one file of a folder by what it is."""
    return re.sub("(?<=ss)es$|s$", "", package)


def fits(value: object, what: Any) -> bool:
    """Tell whether a value is of a type; of `tuple[str, ...]` a list is too."""
    if get_origin(what) is not tuple:
        return isinstance(value, what)
    return isinstance(value, tuple | list) and all(isinstance(one, get_args(what)[0]) for one in value)


def called(what: Any) -> str:
    """Name a type in words."""
    if get_origin(what) is tuple:
        return f"tuple of {called(get_args(what)[0])} (of one, it ends with a comma)"
    return " or ".join(one.__name__ for one in get_args(what) or (what,))


def bound(package: str, spec: str, attribute: str) -> Callable[..., Any]:
    """Bind the options of `spec` to what its module has under `attribute`: a class or a function.

    Raises:
        UsageError: no such name or option, or a value that does not fit.
    """
    made = getattr(load(package, parse(spec)[0]), attribute)
    declared = options(made)
    defaults = {name: default for name, (default, _) in declared.items()}
    ranges = {name: limits for name, (_, limits) in declared.items() if limits}
    return partial(made, **convert(spec, defaults, ranges))


def options(made: Callable[..., Any]) -> dict[str, tuple[Any, Range | None]]:
    """Give the options of a class or a function, its parameters that have defaults: default and range of each."""
    found = {}
    for one in inspect.signature(made).parameters.values():
        if one.default is not inspect.Parameter.empty:
            limits = (more for more in getattr(one.annotation, "__metadata__", ()) if isinstance(more, Range))
            found[one.name] = one.default, next(limits, None)
    return found


def unknown(kind: str, name: str, known: Iterable[str], whose: str = "") -> UsageError:
    """Make the error for an unknown name, of `whose`: it suggests the closest known one and lists them all."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return UsageError(f"no {kind} '{name}'{f' of {whose!r}' if whose else ''}; {hint}known: {listed(known)}.")


def listed(names: list[str]) -> str:
    """Write names in a line; of very many, as runs may be, the first and how many more."""
    more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
    return (", ".join(names[:MANY]) or "none") + more


def parse(spec: str) -> tuple[str, dict[str, str]]:
    """Split `name:key=value:key=value` into the name and its options."""
    name, *pairs = spec.split(":")
    options = dict(pair.partition("=")[::2] for pair in pairs)
    if not name or not all(key and value for key, value in options.items()):
        raise UsageError(f"'{spec}' is not of the form name or name:key=value; write it so.")
    return name, options


def convert(
    spec: str, defaults: dict[str, object], ranges: Mapping[str, Range] = MappingProxyType({})
) -> dict[str, object]:
    """Read the options of `spec` with the names and types of `defaults`, which fill in what is not given.

    Raises:
        UsageError: an option has no such name, or its value is not of the default's type or out of its range.
    """
    name, given = parse(spec)
    values = dict(defaults)
    for key, text in given.items():
        if not defaults:
            raise UsageError(f"'{name}' takes no options, and '{key}' is given; leave it out.")
        if key not in defaults:
            raise unknown("option", key, defaults, name)
        kind: Callable[[str], object] = type(defaults[key])
        try:
            values[key] = {"true": True, "false": False}[text] if kind is bool else kind(text)
        except (ValueError, KeyError):
            raise UsageError(f"'{text}' does not fit option '{key}' of '{name}': give {kind.__name__}.") from None
        limits = ranges.get(key)
        if limits and not limits.low <= values[key] <= limits.high:  # type: ignore[operator]
            raise UsageError(f"{key}={text} of '{name}' is out of range; give {limits.low:,} to {limits.high:,}.")
    return values
