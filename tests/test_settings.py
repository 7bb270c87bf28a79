"""Settings say what is wrong with them; their digest lasts, whatever settings are added later."""

import math
import tomllib
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest

from linrec_cli.declared import check_names, declared, element, setting
from linrec_cli.errors import UsageError
from linrec_cli.names import spec_filed
from linrec_cli.settings import (
    KINDS,
    Evaluate,
    Profile,
    Train,
    digest,
    from_stored,
    resolved,
    same,
    setup,
    strange,
)

REFERENCE = sorted((Path(__file__).parents[1] / "results/reference").glob("**/settings.toml"))
STORED = {path.parent.name: tomllib.loads(path.read_text("utf-8")) for path in REFERENCE}
TRAININGS = {name: stored for name, stored in STORED.items() if not {"of", "phase"} & stored.keys()}
"""Neither profiles nor evaluations, which tell the settings of the run they are of."""
NEUTRAL: dict[type, dict[str, Any]] = {
    Train: {
        "attn": "linear", "maxlen": 200, "model": "sasrec", "width": 64, "layers": 2, "heads": 2, "dropout": 0.3,
        "data": "ml-100k", "data_digest": "", "read_digest": "", "min_user": 5, "min_item": 5,
        "split": "leave-one-out", "seed": 0, "seen_items": "remove", "order": "",
        "objective": "next", "loss": "cross-entropy", "lr": 0.001, "weight_decay": 0.01, "tokens": 1600, "patience": 8,
        "epochs": 200, "max_minutes": 0.0, "device": "cpu", "dtype": "float32", "threads": 1,
        "warmup": 0, "schedule": "constant", "clip": 0.0, "ema": 0.0, "deterministic": False, "graphs": False,
    },
    Profile: {
        "attn": ("softmax", "linear"), "maxlen": (128, 256, 512, 1024), "phase": ("attention", "step"),
        "tokens": 16_384, "batch": 0, "width": (64,), "heads": (2,), "model": ("sasrec",), "layers": 2, "items": 3416,
        "budget": 20.0, "device": "cpu", "dtype": ("float32",), "threads": 1, "seed": 0,
    },
    Evaluate: {
        "protocol": "full", "metrics": (), "k": (1, 5, 10, 20), "seen": "remove", "stage": "test", "by": "",
        "negatives_seed": 0, "device": "cpu", "threads": 1,
    },
}  # fmt: skip
"""What is meant where a run of whatever age says nothing. Add to it; a value that is there never changes."""
ANOTHER: dict[type, dict[str, Any]] = {
    Train: {
        "attn": "softmax", "maxlen": 100, "model": "m", "width": 32, "layers": 3, "heads": 4, "dropout": 0.5,
        "data_digest": "d", "read_digest": "r", "split": "ratio", "seed": 1,
        "objective": "last", "loss": "bce", "lr": 0.01,
        "weight_decay": 0.0, "tokens": 64, "patience": 9, "epochs": 3, "max_minutes": 1.5, "device": "cuda",
        "dtype": "bfloat16", "threads": 3, "seen_items": "rank", "warmup": 9, "schedule": "cosine", "clip": 1.0,
        "ema": 0.99, "deterministic": True, "graphs": True,
    },
    Profile: {
        "attn": ("linear", "softmax"), "maxlen": (64,), "phase": ("step",), "tokens": 64, "width": (32,), "heads": (1,),
        "model": ("m",), "layers": 3, "items": 9, "budget": 1.0, "device": "cuda", "dtype": ("bfloat16",), "threads": 3,
        "seed": 1,
    },
    Evaluate: {
        "protocol": "uni100", "metrics": ("coverage",), "k": (10,), "seen": "rank", "stage": "valid",
        "negatives_seed": 1, "device": "cuda", "by": "repeat",
    },
}  # fmt: skip
COUNTLESS: dict[type, dict[str, Any]] = {
    Train: {"data": "x", "min_user": 0, "min_item": 9, "order": "time"},
    Profile: {},
    Evaluate: {"threads": 9},
}
"""Of each setting another value: those that count, and those that do not."""


LINEAR = Train(attn="linear", objective="next")


def plain(kind: Any) -> Any:
    """Settings that are all neutral."""
    return from_stored(kind, {})


@pytest.mark.parametrize("kind", NEUTRAL)
def test_what_is_neutral_never_changes(kind: type) -> None:
    assert {item.name: how.neutral for item, how in declared(kind)} == NEUTRAL[kind]
    assert asdict(plain(kind)) == NEUTRAL[kind]


CHANGES = [(kind, name, value) for kind, changes in ANOTHER.items() for name, value in changes.items()]


@pytest.mark.parametrize(("kind", "name", "value"), CHANGES)
def test_every_setting_that_counts_changes_the_digest(kind: type, name: str, value: Any) -> None:
    assert digest(replace(plain(kind), **{name: value})) != digest(plain(kind))


def test_every_setting_is_known_to_these_tests() -> None:
    for kind in ANOTHER:
        # A batch stands in the place of tokens.
        assert {item.name for item in fields(kind)} == ANOTHER[kind].keys() | COUNTLESS[kind].keys() | (
            {"batch"} if kind is Profile else set()
        )
    assert digest(replace(Profile(), tokens=64)) != digest(replace(Profile(), tokens=0, batch=64))


@pytest.mark.parametrize("kind", COUNTLESS)
def test_what_can_alter_no_number_leaves_the_digest(kind: type) -> None:
    for name, value in COUNTLESS[kind].items():
        assert digest(replace(plain(kind), **{name: value})) == digest(plain(kind))


@pytest.mark.parametrize(("name", "value"), ANOTHER[Train].items())
def test_a_setup_is_all_that_counts_but_mechanism_length_and_seed(name: str, value: Any) -> None:
    alike = setup(replace(plain(Train), **{name: value})) == setup(plain(Train))
    assert alike == (name in ("attn", "maxlen", "seed"))


def test_settings_of_another_command_have_another_digest() -> None:
    assert len({digest(plain(kind)) for kind in NEUTRAL}) == 3


def test_digests_are_those_of_all_runs_made_before() -> None:
    # Of neutral settings, and of some that differ: whoever changes how a digest is made loses every run on a disk.
    assert digest(plain(Train)) == "617409d86b"
    assert digest(from_stored(Train, {"attn": "softmax", "lr": 0.01, "max_minutes": 60})) == "a24387aaf4"
    assert digest(Profile(attn=("mean",), tokens=0, batch=8)) == "2aa84de9ca"


@dataclass(frozen=True)
class Later(Train):
    """The settings of a training as a later linrec may have them."""

    warmth: float = setting(0.5, "Training", "Warmth.", neutral=0.0, low=0.0)
    bare: int = 3


@pytest.mark.parametrize("stored", TRAININGS.values(), ids=list(TRAININGS))
def test_a_setting_that_is_added_leaves_every_old_run_its_digest_name_and_setup(stored: dict[str, Any]) -> None:
    now, later = from_stored(Train, stored), from_stored(Later, stored)
    assert later.warmth == 0.0
    assert (digest(later), later.name, setup(later)) == (digest(now), now.name, setup(now))
    assert same(now, later)
    for change in ({"warmth": 0.1}, {"bare": 4}):
        assert digest(replace(later, **change)) != digest(now)
        assert setup(replace(later, **change)) != setup(now)


def test_a_run_of_a_later_linrec_is_read_and_what_is_not_known_is_told() -> None:
    stored = next(iter(TRAININGS.values()))
    assert from_stored(Train, stored | {"warmth": 0.1}) == from_stored(Train, stored)
    assert strange(stored | {"warmth": 0.1}) == {"warmth"}


def test_every_run_of_the_reference_is_read_whole() -> None:
    assert len(TRAININGS) > 50
    assert len(STORED) > len(TRAININGS)
    for stored in STORED.values():
        kind: Any = Profile if "phase" in stored else Train
        assert not strange(stored)
        told = asdict(from_stored(kind, stored))
        for name, value in stored.items():
            values = value if isinstance(value, list) else [value]
            wanted = tuple(values) if kind is Profile and name in told and isinstance(told[name], tuple) else value
            assert told.get(name, wanted) == wanted
        assert told.keys() - stored.keys() <= {
            "split", "objective", "loss", "seen_items", "order", "read_digest", "warmup", "schedule", "clip", "ema",
            "deterministic", "graphs",
        }  # fmt: skip


def test_no_two_runs_of_the_reference_share_a_digest_and_seeds_share_a_setup() -> None:
    runs = [from_stored(Train, stored) for stored in TRAININGS.values()]
    assert len({digest(run) for run in runs}) == len(runs)
    told = ("data", "model", "width", "layers", "heads", "threads", "max_minutes", "patience", "epochs", "split", "ema",
            "objective")  # fmt: skip
    groups = {tuple(getattr(run, name) for name in told) for run in runs}
    assert len({setup(run) for run in runs}) == len(groups)


def test_settings_of_a_profile_are_none_of_a_training() -> None:
    profiles = [stored for stored in STORED.values() if "phase" in stored]
    for stored in profiles:
        with pytest.raises(UsageError, match="another command"):
            from_stored(Train, stored)


def test_one_value_of_an_old_profile_is_a_list_of_one() -> None:
    assert from_stored(Profile, {"model": "sasrec", "width": 32}).width == (32,)


def test_evaluations_read_what_cut_offs_were_called_once() -> None:
    assert from_stored(Evaluate, {"ks": [3, 7]}).k == (3, 7)
    assert from_stored(Evaluate, {"k": [2], "of": "a run"}).k == (2,)


def test_numbers_are_the_same_however_they_are_written() -> None:
    assert digest(Train(max_minutes=60)) == digest(Train(max_minutes=60.0))
    assert digest(from_stored(Profile, {"budget": 4})) == digest(Profile(budget=4.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dropout": 1.0}, "--dropout 1.0 is out of range; it must be at least 0.0 and at most 0.95."),
        ({"lr": float("nan")}, "--lr nan is out of range"),
        ({"width": 65}, "--width 65 does not split into --heads 2"),
        ({"maxlen": 0}, "--maxlen 0"),
        ({"weight_decay": -1.0}, "--weight-decay -1.0 is out of range"),
        ({"tokens": 0}, "it must be at least 1 and at most 2,147,483,648."),
        ({"epochs": 10**18}, "at most 1,000,000."),
        ({"dtype": "float16"}, "no dtype 'float16'; did you mean 'bfloat16'"),
    ],
)
def test_a_setting_out_of_range_is_named_with_its_limits(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(Train(), **change)


@pytest.mark.parametrize("kind", KINDS)
def test_every_number_has_both_limits(kind: type) -> None:
    for item, how in declared(kind):
        if element(item) in (int, float):
            assert all(end is not None and math.isfinite(end) for end in (how.low, how.high)), item.name


@pytest.mark.parametrize("kind", KINDS)
def test_both_ends_of_every_limit_are_inside(kind: type) -> None:
    # Widths and heads that are limits need not split into each other.
    free = {item.name: how for item, how in declared(kind) if item.name not in ("heads", "width", "tokens", "batch")}
    for name, how in free.items():
        for end, beyond in ((how.low, -1), (how.high, 1)):
            if end is not None:
                value = type(kind().__dict__[name])((end,)) if isinstance(getattr(kind(), name), tuple) else end
                assert getattr(kind(**{name: value}), name) == value
                outside = (end + beyond,) if isinstance(value, tuple) else end + beyond
                with pytest.raises(UsageError, match="out of range"):
                    kind(**{name: outside})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": 0}, "give one of --tokens"),
        ({"batch": 2}, "give one of --tokens"),
        ({"tokens": -1}, "--tokens -1 is out of range"),
        ({"width": (64, 0)}, "--width 0 is out of range"),
        ({"heads": (2, 3)}, "--width 64 does not split into --heads 3"),
        ({"maxlen": (8, 2**20 + 1)}, "--maxlen 1048577 is out of range"),
        ({"dtype": ("float32", "float8")}, "no dtype 'float8'"),
        ({"phase": ("encode",)}, "did you mean 'encoder'"),
    ],
)
def test_a_profile_out_of_range_says_what_is_wrong(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(Profile(), **change)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (replace(LINEAR, attn="liner"), "did you mean 'linear'"),
        (replace(LINEAR, attn="local:width=3"), "no option 'width' of 'local'"),
        (replace(LINEAR, model="sasrek"), "did you mean 'sasrec'"),
        (replace(LINEAR, split="ratio:share"), "not of the form"),
        (replace(LINEAR, objective="clozes"), "did you mean 'cloze'"),
        (replace(LINEAR, loss="bce:negatives=many"), "give int"),
        (Profile(attn=("linear", "soft")), "no attention 'soft'"),
        (Evaluate(protocol="uni10"), "did you mean 'uni100'"),
        (Evaluate(metrics=("recall", "ginni")), "did you mean 'gini'"),
        (Evaluate(metrics=("recall:k=1",)), "no metric 'recall:k=1'"),
    ],
)
def test_every_name_and_its_options_are_checked(settings: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_names(settings)


def test_auto_is_what_the_model_usually_takes() -> None:
    assert resolved(Train()) == replace(Train(), attn="linear", objective="next")
    assert resolved(Train(attn="softmax", objective="last")) == Train(attn="softmax", objective="last")
    assert resolved(Train(model="bert4rec")).objective == "cloze"
    popular = resolved(Train(model="popular"))
    assert (popular.attn, popular.objective) == ("", "")
    assert resolved(popular) == popular


@pytest.mark.parametrize(("option", "value"), [("attn", "softmax"), ("objective", "next")])
def test_a_model_that_is_not_trained_refuses_what_it_would_not_use(option: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"model popular takes no --{option}"):
        resolved(Train(model="popular", **{option: value}))


def test_settings_are_named_and_digested_as_they_are_resolved() -> None:
    assert Train().name == replace(Train(), attn="linear", objective="next").name
    assert digest(Train()) == digest(plain(Train))
    assert Train(model="popular", data="d").name == f"d-popular-200-s0-{digest(Train(model='popular'))}"


def test_a_run_is_named_by_what_it_was() -> None:
    run = Train(data="synthetic:users=5", attn="linear-gated:gate=false", maxlen=50, seed=3)
    assert run.name == f"synthetic-users5-sasrec-linear-gated-gatefalse-50-s3-{digest(run)}"
    assert spec_filed("a/b:c=../d e") == "a-b-c..-d-e"
