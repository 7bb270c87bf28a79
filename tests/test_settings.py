from dataclasses import fields, replace

import pytest

from linrec_cli.errors import UsageError
from linrec_cli.settings import Train, digest

OTHER = {
    "data": "x",
    "model": "m",
    "attn": "softmax",
    "data_digest": "d",
    "device": "cuda",
    "dtype": "bfloat16",
}


@pytest.mark.parametrize("name", [field.name for field in fields(Train)])
def test_every_setting_changes_the_digest(name: str) -> None:
    value = OTHER.get(name) or getattr(Train(), name) * 2 + (2 if name in ("seed", "max_minutes") else 0)
    value = min(value, 0.9) if name == "dropout" else value
    assert digest(replace(Train(), **{name: value})) != digest(Train())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dropout": 1.0}, "--dropout 1.0 is out of range"),
        ({"lr": float("nan")}, "--lr nan is out of range"),
        ({"width": 65}, "does not split into --heads"),
        ({"maxlen": 0}, "--maxlen 0"),
    ],
)
def test_a_setting_out_of_range_is_named_with_its_limits(change: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(Train(), **change)
