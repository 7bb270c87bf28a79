"""The names of figures' files: what a figure is of, and what of it is not usual."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from linrec_cli.names import filed
from linrec_cli.settings import Train

USUAL = {"model": "", "width": "w", "layers": "l", "heads": "h", "objective": "", "loss": "", "split": ""}
"""Settings that a name says where they are not the usual ones, each with what stands before its value."""
LONGEST, DIGITS = 80, 6


def names(every: Sequence[Mapping[str, Any]], born: Sequence[datetime | None]) -> list[str]:
    """Name groups of numbers by what they have in common, each otherwise.

    Of those that would have the same name the one that was measured first has it, and the others add a digest: what is
    measured later renames nothing.

    Args:
        every: what the numbers of each group have in common.
        born: when the first number of each was made.
    """
    found = [filed(subject(keys)).encode()[:LONGEST].decode("utf-8", "ignore") for keys in every]
    # Some file systems take a and A for the same.
    alike = [name.casefold() for name in found]
    age = [
        (when is None, when.isoformat() if when else "", digest(keys)) for when, keys in zip(born, every, strict=True)
    ]
    oldest = {name: min(own for other, own in zip(alike, age, strict=True) if other == name) for name in alike}
    return [
        name if own == oldest[name.casefold()] else f"{name}-{own[-1]}" for name, own in zip(found, age, strict=True)
    ]


def subject(keys: Mapping[str, Any]) -> str:
    """Write what was trained on, or which phase was measured, then what is not usual."""
    usual = {name: getattr(Train(), name) for name in USUAL}
    # Each model has an objective that is usual for it.
    usual["objective"] = "next" if keys["model"] == usual["model"] else keys["objective"]
    more = [f"{letter}{keys[name]}" for name, letter in USUAL.items() if keys[name] not in (None, "", usual[name])]
    return "-".join([str(keys["dataset"] if keys["command"] == "train" else keys["phase"]), *more])


def digest(keys: Mapping[str, Any]) -> str:
    """Digest all that the numbers of a group have in common; a column that a later linrec adds changes nothing."""
    told = {name: value for name, value in keys.items() if value is not None}
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:DIGITS]
