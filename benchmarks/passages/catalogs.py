"""What can be named on the command line: the folders of the package."""

import inspect
import re
from collections.abc import Callable
from types import ModuleType

from linrec_cli import catalog
from linrec_cli.evaluation.summary import of_lists
from passages._reference import Reference
from passages._words import code, table

FOLDERS = {
    "models": "--model",
    "objectives": "--objective",
    "losses": "--loss",
    "splits": "--split",
    "protocols": "--protocol",
    "metrics": "--metrics",
    "phases": "--phase",
    "figures": "",
    "datasets": "--data",
}


def names(reference: Reference) -> str:
    """Make the table of what each folder holds."""
    rows = [
        [folder, code(option) if option else "", ", ".join(map(code, catalog.names(folder)))]
        for folder, option in FOLDERS.items()
    ]
    return table(["", "option", "names"], rows)


def mechanisms(reference: Reference) -> str:
    """Make the table of mechanisms, from their docstrings."""
    rows = []
    for name in catalog.names("attentions"):
        module = catalog.load("attentions", name)
        rows.append([code(name), ", ".join(module.FORMS), cost(module), served(module), title(module)])
    return table(["", "forms", "cost", "state", "what it is"], rows)


def models(reference: Reference) -> str:
    """Make the table of models, from their docstrings."""
    return described("models")


def splits(reference: Reference) -> str:
    """Make the table of splits, from their docstrings and what they are called with."""
    return described("splits", "split")


def objectives(reference: Reference) -> str:
    """Make the table of objectives, with the forms of model that each trains."""
    return described("objectives", "targets", "FORMS")


def losses(reference: Reference) -> str:
    """Make the table of losses."""
    return described("losses", "loss")


def protocols(reference: Reference) -> str:
    """Make the table of protocols."""
    return described("protocols")


def metrics(reference: Reference) -> str:
    """Make the table of metrics: what each is of, its unit, and whether it must be asked for."""
    rows = []
    for name in catalog.names("metrics"):
        module = catalog.load("metrics", name)
        of, always = "lists" if of_lists(name) else "ranks", "" if getattr(module, "ASKED", False) else "yes"
        rows.append([code(name), of, getattr(module, "UNIT", ""), always, title(module)])
    return table(["", "of", "unit", "in every table", "what it is"], rows)


def described(folder: str, attribute: str = "", forms: str = "") -> str:
    """Make the table of a folder: names, forms if asked for, options of `attribute` if named, first sentences."""
    rows = []
    for name in catalog.names(folder):
        module = catalog.load(folder, name)
        more = [", ".join(getattr(module, forms))] if forms else []
        more += [options(getattr(module, attribute))] if attribute else []
        rows.append([code(name), *more, title(module)])
    heads = ["", *(["forms"] if forms else []), *(["options"] if attribute else []), "what it is"]
    return table(heads, rows)


def options(function: Callable[..., object]) -> str:
    """Write what a function may be told, as it is told."""
    given = inspect.signature(function).parameters.values()
    told = [
        f"{p.name}={str(p.default).lower() if isinstance(p.default, bool) else p.default}"
        for p in given
        if p.default is not p.empty
    ]
    return " ".join(map(code, told))


def title(module: ModuleType) -> str:
    """Give the first sentence of a module, without its full stop."""
    return (module.__doc__ or "").partition("\n")[0].rstrip(".")


def cost(module: ModuleType) -> str:
    """Find the number of operations that a mechanism states."""
    found = re.search(r"Cost: `O\((.+?)\)` operations", " ".join((inspect.getdoc(module.Attention) or "").split()))
    return code(found[1]) if found else ""


def served(module: ModuleType) -> str:
    """Tell what a mechanism is served from: a state of one size, a cache that grows, or nothing."""
    if hasattr(module.Attention, "newest"):
        return "cache"
    return "yes" if hasattr(module.Attention, "step") else ""
