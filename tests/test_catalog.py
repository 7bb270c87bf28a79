import pytest

from linrec_cli import catalog
from linrec_cli.errors import UsageError


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
