"""What two numbers of a cell must share to be compared, and in what they differ."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

Keys = tuple[Any, ...]
Setups = Mapping[str, Mapping[str, Any]]
"""The settings behind the digest of a setup."""
HOW = ("device", "dtype", "threads", "processes", "torch", "benchmark", "data_digest", "split", "protocol", "seen",
       "ties", "objective", "loss", "setup")  # fmt: skip
"""What must be the same for two numbers of a cell to be compared."""
NONE: Setups = MappingProxyType({})
WORDS = {"threads": "thread count", "processes": "number of processes", "benchmark": "benchmark version",
         "data_digest": "data", "setup": "settings"}  # fmt: skip


def differing(ours: Keys, theirs: Keys, names: Sequence[str] = HOW, setups: Setups = NONE) -> dict[str, str]:
    """Say by column what differs in how two numbers were made; where settings alone do, by setting."""
    other = {name: f" ({a} against {b})" for name, a, b in zip(names, ours, theirs, strict=True) if a != b}
    if "setup" not in other:
        return other
    # A digest of all settings, which changes with some of the others and tells nobody anything.
    more = {name: values for name, values in other.items() if name != "setup"}
    one, two = (setups.get(side[names.index("setup")]) for side in (ours, theirs))
    if not more and one and two:
        more = {name: f" ({one.get(name)} against {two.get(name)})"
                for name in dict.fromkeys([*one, *two]) if one.get(name) != two.get(name)}  # fmt: skip
    return more or {"setup": ""}


def difference(ours: Keys, theirs: Keys, names: Sequence[str] = HOW, setups: Setups = NONE) -> str:
    """Write what differs in how two numbers were made."""
    other = differing(ours, theirs, names, setups)
    return "another " + ", ".join(WORDS.get(name, name) + values for name, values in other.items()) if other else ""
