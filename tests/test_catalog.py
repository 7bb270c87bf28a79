import importlib
import math
from collections.abc import Callable
from typing import Annotated, Any

import pytest

from linrec_cli import catalog
from linrec_cli.catalog import Range
from linrec_cli.datasets import synthetic
from linrec_cli.declared import declared
from linrec_cli.errors import FaultError, UsageError
from linrec_cli.settings import KINDS

OPTIONS = {
    (how.folder, how.attribute): None for kind in KINDS for _, how in declared(kind) if how.folder and how.attribute
}
SPECS = [(*where, name) for where in OPTIONS for name in catalog.names(where[0])]


def numbers(folder: str, attribute: str, name: str) -> dict[str, tuple[Any, Range | None]]:
    """Give the options that are numbers: default and range of each."""
    found = catalog.options(getattr(catalog.load(folder, name), attribute))
    return {option: one for option, one in found.items() if type(one[0]) in (int, float)}


def test_an_unknown_name_lists_the_known_ones_and_suggests_the_closest() -> None:
    with pytest.raises(UsageError, match=r"no attention 'liner'; did you mean 'linear'\? known: .*softmax"):
        catalog.load("attentions", "liner")


def test_shared_code_is_no_name() -> None:
    assert not [name for name in catalog.names("attentions") if name.startswith(("_", "-"))]


@pytest.mark.parametrize("spec", ["", ":a=1", "x:a", "x:=1", "x:a="])
def test_a_spec_that_is_none_is_refused(spec: str) -> None:
    with pytest.raises(UsageError, match="name:key=value"):
        catalog.parse(spec)


def test_options_take_the_type_of_their_defaults() -> None:
    defaults = {"n": 1, "x": 0.5, "on": False, "word": "a"}
    assert catalog.convert("m:n=3:on=true", defaults) == {"n": 3, "x": 0.5, "on": True, "word": "a"}
    with pytest.raises(UsageError, match="give int"):
        catalog.convert("m:n=three", defaults)


def test_of_very_many_names_the_first_are_listed_and_the_rest_counted() -> None:
    text = str(catalog.unknown("run", "x", [f"run-{number}" for number in range(70)]))
    assert "run-29 and 40 more." in text
    assert "run-30" not in text


def test_every_folder_with_options_is_checked() -> None:
    assert {folder for folder, _ in OPTIONS} == {
        *("attentions", "models", "objectives", "losses", "splits", "protocols")
    }
    assert sum(len(numbers(*spec)) for spec in SPECS) > 20


@pytest.mark.parametrize(("folder", "attribute", "name"), SPECS)
def test_every_number_has_a_range_and_what_is_beyond_it_is_refused(folder: str, attribute: str, name: str) -> None:
    for option, (default, limits) in numbers(folder, attribute, name).items():
        assert limits is not None, option
        assert all(map(math.isfinite, limits)), option
        assert limits.low <= default <= limits.high, option
        for end in limits:
            bound = catalog.bound(folder, f"{name}:{option}={type(default)(end)}", attribute)
            assert bound.keywords[option] == end
        for beyond in (limits.low - 1, limits.high + 1, *[math.nan, math.inf][: 2 * (type(default) is float)]):
            with pytest.raises(UsageError, match=f"{option}={type(default)(beyond)} of '{name}' is out of range; give"):
                catalog.bound(folder, f"{name}:{option}={type(default)(beyond)}", attribute)


def test_every_number_of_what_is_made_has_a_range() -> None:
    assert synthetic.RANGES.keys() == synthetic.DEFAULTS.keys()


def test_a_range_is_told_with_its_ends() -> None:
    with pytest.raises(UsageError) as caught:
        catalog.bound("attentions", "performer:features=99999999", "Attention")
    assert str(caught.value) == "features=99999999 of 'performer' is out of range; give 0 to 16,384."
    assert caught.value.exit_code == 2


def test_options_are_the_parameters_with_defaults() -> None:
    def made(one: int, two: Annotated[int, "said", Range(1, 2)] = 2, *, three: str = "x") -> None: ...

    assert catalog.options(made) == {"two": (2, Range(1, 2)), "three": ("x", None)}


USUAL = {
    "attentions": {
        "delta": {"decay": True},
        "linear-gated": {"decay": True, "norm": True, "gate": True},
        "linear-released": {"pad": "excluded"},
        "linformer": {"rank": 32},
        "local": {"window": 32},
        "low-rank": {"interests": 20},
        "nystrom": {"landmarks": 32, "conv": 33},
        "performer": {"features": 0},
        "softmax": {"rotary": False},
    },
    "losses": {
        "bce": {"negatives": 1},
        "gbce": {"negatives": 256, "t": 0.75},
        "sampled": {"negatives": 256, "power": 0.0, "logq": True},
    },
    "models": {
        "core": {"temperature": 0.07, "item_dropout": 0.2},
        "esasrec": {"positions": "learned", "temperature": 0.0},
        "hstu": {"temperature": 0.05, "time": False, "time_aware": False},
        "lightsans": {"interests": 20},
        "recgrela": {"drop_path": 0.1},
        "sasrec": {"positions": "learned", "temperature": 0.0},
        "sine": {"prototypes": 50, "interests": 3, "temperature": 0.1},
    },
    "objectives": {"cloze": {"mask": 0.2, "last": 0.1}},
    "splits": {
        "global-time": {"quantile": 0.9, "valid": 0.9, "targets": "last"},
        "ratio": {"train": 0.8, "valid": 0.1, "targets": "all"},
    },
}
"""What options are where nothing is said. A run's name and digest leave them out: another value needs another name."""


@pytest.mark.parametrize(("folder", "attribute"), OPTIONS)
def test_options_have_the_values_that_runs_were_made_with(folder: str, attribute: str) -> None:
    known = USUAL.get(folder, {})
    found = {name: catalog.options(getattr(catalog.load(folder, name), attribute)) for name in known}
    assert {name: {key: value for key, (value, _) in own.items()} for name, own in found.items()} == known


def test_an_option_of_what_takes_none_is_told_so() -> None:
    with pytest.raises(UsageError, match=r"^'mean' takes no options, and 'foo' is given; leave it out\.$"):
        catalog.convert("mean:foo=1", {})


Add = Callable[[str, str], None]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("attentions/odd.py", "def (", "attention 'odd' (attentions/odd.py) cannot be imported: SyntaxError: invalid"),
        (
            "attentions/odd.py",
            "\nimport nosuch",
            "(attentions/odd.py, line 2) cannot be imported: ModuleNotFoundError: No",
        ),
        (
            "attentions/odd.py",
            "def Attention(): ...",
            "attention 'odd' (attentions/odd.py) lacks FORMS; mend the file, or",
        ),
        (
            "attentions/odd.py",
            "FORMS = ('causal')",
            "has FORMS = 'causal', which is no tuple of str (of one, it ends with a",
        ),
        ("attentions/odd.py", "FORMS = (1,)", "has FORMS = (1,), which is no tuple of str"),
        ("losses/odd.py", "loss = 1", "loss 'odd' (losses/odd.py) has loss = 1, which is no Callable; mend"),
        ("presets/odd.py", "SETTINGS = [1]", "preset 'odd' (presets/odd.py) has SETTINGS = [1], which is no dict"),
        ("metrics/odd.py", "TITLE = 'Odd'", "metric 'odd' (metrics/odd.py) lacks RANGE"),
        ("datasets/odd.py", "SOURCES = ('https://a.org/b')", "which is no tuple of Source or Package"),
        ("datasets/odd.py", "SOURCES = ('https://a.org/b',)", "which is no tuple of Source or Package"),
    ],
)
def test_a_file_that_is_at_fault_is_named_with_what_is_wrong(add: Add, name: str, text: str, said: str) -> None:
    add(name, text)
    package = name.partition("/")[0]
    with pytest.raises(FaultError) as caught:
        catalog.load(package, "odd")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    heard: list[str] = []
    found = catalog.sound(package, heard.append)
    assert "odd" not in found
    assert len(found) == len(catalog.names(package)) - 1 > 0
    assert heard == [str(caught.value)]


def test_a_file_may_be_called_as_its_name_is(add: Add) -> None:
    add("losses/odd-one.py", "def loss(): ...")
    assert catalog.load("losses", "odd-one").loss() is None


@pytest.mark.parametrize("folder", sorted({folder for folder, _ in OPTIONS} | {"datasets", "figures", "presets"}))
def test_every_catalog_says_what_its_files_must_have(folder: str) -> None:
    assert importlib.import_module(f"linrec_cli.{folder}").MUST
