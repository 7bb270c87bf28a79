"""How a setting is declared: once, with all that the command line, files, digests and tables need to know of it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, TypeVar, get_args, get_origin

from linrec_cli import catalog
from linrec_cli.errors import UsageError

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Declared:
    """What is declared of a setting beside its name, type and default.

    Attributes:
        neutral: what is meant where an older run says nothing of it, and what no digest sees. It is never changed.
        low, high: limits, inclusive.
        panel, help: of its option; without a panel it has none.
        axis: it may have several values in one command.
        folder, attribute: the catalog whose files it names, and what of a file takes the options of a spec; empty:
            names have none.
        choices: all that it may be.
        counts: it can alter a number.
        asked: its option's default, where the machine or another setting decides; `shown` is how help has it.
        told: the command that makes a run again says it though it is the default.
        was: what older runs call it.
        also: another flag of its option.
    """

    neutral: Any
    panel: str = ""
    help: str = ""
    low: float | None = None
    high: float | None = None
    axis: bool = False
    folder: str = ""
    attribute: str = ""
    choices: tuple[str, ...] = ()
    counts: bool = True
    asked: Any = ...
    shown: str = ""
    told: bool = False
    was: str = ""
    also: str = ""


def setting(default: Any, panel: str = "", help: str = "", *, neutral: Any = MISSING, **more: Any) -> Any:
    """Declare a setting; whoever changes its default later gives the first one as `neutral`."""
    made = Declared(default if neutral is MISSING else neutral, panel, help, **more)
    return field(default=default, metadata={"declared": made})


def declared(kind: Any) -> Iterator[tuple["Field[Any]", Declared]]:
    """Give each setting of a kind, or of some settings, and what is declared of it."""
    for item in fields(kind):
        yield item, item.metadata.get("declared") or Declared(item.default)


def flag(name: str) -> str:
    """Write a setting as the command line does."""
    return f"--{name.replace('_', '-')}"


def each(value: Any) -> tuple[Any, ...]:
    """Make a tuple of a setting that may have one value or several."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def element(item: "Field[Any]") -> Any:
    """Give the type of a setting's values: of one, where there are several; what may be None is of the other type."""
    return get_args(item.type)[0] if get_args(item.type) else item.type


def typed(item: "Field[Any]", value: Any) -> Any:
    """Give a value the setting's own type: a file or a person may write `60` for `60.0`, or one value for a list.

    Raises:
        UsageError: it is a list, and the setting has one value.
    """
    several = get_origin(item.type) is tuple
    if isinstance(value, list | tuple) and not several:
        raise UsageError(f"{item.name} has one value, not {value}; these are settings of another command.")
    if element(item) is float:
        value = tuple(map(float, each(value))) if several else float(value)
    return each(value) if several else value


def check(settings: Any) -> None:
    """Check settings against their limits and choices.

    Raises:
        UsageError: a value lies outside, or is not a number.
    """
    for item, how in declared(settings):
        for value in each(getattr(settings, item.name)):
            if how.choices and value not in how.choices:
                raise catalog.unknown(item.name.replace("_", " "), value, filter(None, how.choices))
            if how.low is not None and not (how.low <= value and (how.high is None or value <= how.high)):
                upper = "" if how.high is None else f" and at most {how.high:,}"
                raise UsageError(f"{flag(item.name)} {value} is out of range; it must be at least {how.low:,}{upper}.")


def check_names(settings: Any) -> None:
    """Check every name of a catalog, and the options given with it.

    Raises:
        UsageError: there is no such name or option.
    """
    for item, how in declared(settings):
        for spec in filter(None, each(getattr(settings, item.name))) if how.folder else ():
            if how.attribute:
                catalog.bound(how.folder, spec, how.attribute)
            else:
                catalog.load(how.folder, spec)


def counting(settings: Any, without: Iterable[str] = ()) -> dict[str, Any]:
    """Collect the settings that can alter a number and are not what is meant where nothing is said."""
    found = {item.name: (typed(item, getattr(settings, item.name)), typed(item, how.neutral), how.counts)
             for item, how in declared(settings) if item.name not in {*without}}  # fmt: skip
    return {name: value for name, (value, neutral, counts) in found.items() if counts and value != neutral}


def mistyped(mapping: Mapping[str, Any], kinds: Iterable[Any], texts: Iterable[str]) -> list[str]:
    """Name what a run's file says in another type than the settings of that name have; `texts` are further names."""
    known: dict[str, set[type]] = {name: {str} for name in texts}
    for item, how in (one for kind in kinds for one in declared(kind)):
        own = {float, int} if element(item) is float else {element(item)}
        for name in filter(None, (item.name, how.was)):
            known[name] = known.get(name, set()) | own
    said = ((name, value) for name, value in mapping.items() if name in known)
    return [name for name, value in said if not {type(one) for one in each(value)} <= known[name]]


def from_stored(kind: type[Kind], mapping: Mapping[str, Any]) -> Kind:
    """Read settings from a run's file, whichever linrec wrote it: what is missing is neutral, more is left out.

    Raises:
        UsageError: they are of another command, or out of their limits.
    """
    values = {}
    for item, how in declared(kind):
        name = next((name for name in (item.name, how.was) if name in mapping), None)
        values[item.name] = typed(item, how.neutral if name is None else mapping[name])
    return kind(**values)
