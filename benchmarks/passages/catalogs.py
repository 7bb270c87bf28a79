"""What can be named on the command line: the folders of the package."""

import inspect
import re
from types import ModuleType

from linrec_cli import catalog
from passages._reference import Reference
from passages._words import code, table

FOLDERS = {
    "models": "--model",
    "objectives": "--objective",
    "losses": "--loss",
    "splits": "--split",
    "protocols": "--protocol",
    "metrics": "",
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
    modules = {name: catalog.load("models", name) for name in catalog.names("models")}
    return table(["", "what it is"], [[code(name), title(module)] for name, module in modules.items()])


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
