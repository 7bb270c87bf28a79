from dataclasses import fields, replace

import pytest

from linrec_cli.errors import UsageError
from linrec_cli.settings import Profile, Train, digest

OTHER = {
    "data": "x",
    "model": ("m",),
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


OTHERS = {
    "attn": ("mean",),
    "phase": ("serve",),
    "model": "m",
    "device": "cuda",
    "dtype": ("bfloat16",),
    "width": (32,),
    "heads": (1,),
    "maxlen": (16,),
}


@pytest.mark.parametrize("name", [field.name for field in fields(Profile) if field.name not in ("tokens", "batch")])
def test_every_setting_of_a_profile_changes_its_digest(name: str) -> None:
    value = OTHERS.get(name) or getattr(Profile(), name) + 1
    assert digest(replace(Profile(), **{name: value})) != digest(Profile())
    assert digest(replace(Profile(), tokens=64)) != digest(replace(Profile(), tokens=0, batch=64))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": 0}, "give one of --tokens"),
        ({"batch": 2}, "give one of --tokens"),
        ({"tokens": -1}, "--tokens -1 is out of range"),
        ({"width": (64, 0)}, "--width 0 is out of range"),
        ({"heads": (2, 3)}, "--width 64 does not split into --heads 3"),
        ({"maxlen": (8, 1_000_001)}, "--maxlen 1000001 is out of range"),
        ({"dtype": ("float32", "float8")}, "no dtype 'float8'"),
        ({"phase": ("encode",)}, "did you mean 'encoder'"),
    ],
)
def test_a_profile_out_of_range_says_what_is_wrong(change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(Profile(), **change)
