"""What every preset promises: options of `linrec train`, of the right type, that fit together."""

from typing import Any

import pytest

from linrec_cli import catalog
from linrec_cli.declared import check_names, declared, element
from linrec_cli.settings import Train, resolved
from linrec_cli.training.promises import check

NAMES = catalog.names("presets")


def settings(name: str) -> dict[str, Any]:
    found: dict[str, Any] = catalog.load("presets", name).SETTINGS
    return found


@pytest.mark.parametrize("name", NAMES)
def test_it_is_made_of_options_each_of_its_own_type(name: str) -> None:
    options = {item.name: element(item) for item, how in declared(Train) if how.panel}
    for option, value in settings(name).items():
        assert type(value) is options[option]


@pytest.mark.parametrize("name", NAMES)
def test_its_settings_fit_together_and_can_be_built(name: str) -> None:
    cell = resolved(Train(**settings(name)))
    check_names(cell)
    check(cell)
    assert {option: getattr(cell, option) for option in settings(name)} == settings(name)


def test_the_two_of_linrec_differ_in_the_layer_alone() -> None:
    paper, released = settings("linrec-paper"), settings("linrec-released")
    assert {name for name in paper if paper[name] != released[name]} == {"attn"}
    assert paper["attn"] == "linear"
    # As its files have them: run.py, overall.yaml, ml-1m.yaml.
    assert released == {
        "data": "ml-1m", "min_user": 0, "min_item": 0, "model": "linrec", "attn": "linear-released:pad=included",
        "objective": "last", "seen_items": "rank", "maxlen": 200, "width": 128, "layers": 2, "heads": 8,
        "dropout": 0.2, "lr": 1e-3, "weight_decay": 0.0, "tokens": 2048 * 200, "patience": 10, "epochs": 100,
        "seed": 2000,
    }  # fmt: skip


def test_the_best_is_what_was_trained() -> None:
    assert settings("best") == {
        "attn": "linear-gated", "maxlen": 800, "width": 128, "layers": 3, "heads": 4, "dropout": 0.3, "ema": 0.999,
        "epochs": 40,
    }  # fmt: skip
