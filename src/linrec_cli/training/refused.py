"""What is not trained: an objective that a model cannot have, and what a model that is counted would not heed."""

from typing import Any

from linrec_cli import catalog, processes
from linrec_cli.declared import declared, flag
from linrec_cli.errors import UsageError
from linrec_cli.settings import Train

UNHEEDED = ("objective", "loss", "lr", "weight_decay", "warmup", "schedule", "clip", "ema")
"""Settings that training alone has a use for."""


def check(settings: Train) -> None:
    """Refuse an objective that shows a prediction its own target or never trains what is ranked, and what is unheeded.

    Args:
        settings: resolved.

    Raises:
        UsageError: it is one.
    """
    if settings.graphs and processes.count() > 1:
        raise UsageError(
            "--graphs captures the whole step of one process: leave it out, or start one without torchrun."
        )
    name, objective = (catalog.parse(spec)[0] if spec else "" for spec in (settings.model, settings.objective))
    model = catalog.load("models", name)
    if model.FORM is None:
        counted(name, settings)
        return
    trains = catalog.load("objectives", objective)
    if why := unfit(name, model, objective, trains):
        raise UsageError(f"{why}; use --objective {model.OBJECTIVE}.")
    if trains.MASKED and settings.maxlen < 2:
        raise UsageError(f"objective {objective} tells hidden items by others: --maxlen 1 has none; give 2 or more.")


def unfit(name: str, model: Any, objective: str, trains: Any) -> str:
    """Say why an objective cannot train a model; where it can, nothing."""
    masked = getattr(model, "MASKED", False)
    if model.FORM not in trains.FORMS:
        sees = "does not read what follows a hidden item" if trains.MASKED else "would see its own target"
        who = name if trains.MASKED else f"in {name}, which is {model.FORM}, a prediction"
        return f"objective {objective} trains {' or '.join(trains.FORMS)} models only: {who} {sees}"
    if trains.MASKED and not masked:
        return f"objective {objective} hides items, and {name} knows no hidden item"
    if masked and not trains.MASKED:
        return f"{name} ranks by a hidden item, and objective {objective} hides none to train it with"
    return ""


def counted(name: str, settings: Train) -> None:
    """Refuse what a model that is counted has no use for, unless it is as usual.

    Raises:
        UsageError: something is not.
    """
    usual = {item.name: item.default for item, _ in declared(Train)} | {"objective": ""}
    for setting in UNHEEDED:
        if getattr(settings, setting) != usual[setting]:
            raise UsageError(f"model {name} is counted, not trained: it takes no {flag(setting)}; leave it out.")
