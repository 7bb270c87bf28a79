"""The axes of a sweep: which settings may have several values, the cells that they make, and what tells these apart."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from linrec_cli.declared import declared
from linrec_cli.settings import OWN, Train, resolved


def axes() -> list[str]:
    """Name the settings that may have several values in a sweep, the outermost first."""
    names = [item.name for item, how in declared(Train) if how.axis]
    return [*(name for name in names if name not in OWN), *OWN]


def cells(shared: Mapping[str, Any], lists: Mapping[str, Sequence[Any]]) -> list[Train]:
    """Lay out a sweep: the runs of all combinations of the lists, each once, resolved."""
    order = [name for name in axes() if name in lists]
    products = product(*(lists[name] for name in order))
    made = (resolved(Train(**shared, **dict(zip(order, values, strict=True)))) for values in products)
    return list(dict.fromkeys(made))


def varying(settings: Sequence[Train]) -> list[str]:
    """Name what tells the runs of a sweep apart, the outermost first.

    Mechanism, length and seed are always told, unless something else varies and they do not.
    """
    names: list[str] = []
    for name in axes():
        # What follows from another, as a model's usual objective, tells nothing more.
        groups: dict[Any, set[Any]] = {}
        for one in settings:
            groups.setdefault(tuple(getattr(one, other) for other in names), set()).add(getattr(one, name))
        if max(map(len, groups.values())) > 1 or (name in OWN and {*names} <= {*OWN}):
            names.append(name)
    return names
