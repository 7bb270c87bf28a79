"""The lowest versions are those that pyproject.toml declares."""

import tomllib
from pathlib import Path

import lowest
import pytest

TOP = Path(__file__).parents[2]
PROJECT = {
    "build-system": {"requires": ["builder>=1"]},
    "project": {
        "dependencies": ["one-two>=0.20", "three>=1.35.1"],
        "optional-dependencies": {"gpu": ["driver>=12.5"], "dev": ["checker>=8"], "kernels-test": ["other>=3,<4"]},
    },
}


def test_each_is_pinned_to_what_it_is_declared_with() -> None:
    expected = ["builder==1", "one-two==0.20", "three==1.35.1", "driver==12.5", "checker==8"]
    assert lowest.pins(PROJECT, []) == expected


def test_what_is_given_replaces_one_and_must_be_declared() -> None:
    assert lowest.pins(PROJECT, ["three==2.0"])[1:3] == ["one-two==0.20", "three==2.0"]
    with pytest.raises(ValueError, match="thre: not declared"):
        lowest.pins(PROJECT, ["thre==2.0"])


@pytest.mark.parametrize(
    "requirement", ["one", "one==1", "one<2", "one>1", "one~=1.2", "one>=1,<2", "one>=1; python_version > '3'", "one>="]
)
def test_one_whose_lowest_version_cannot_be_told_is_an_error(requirement: str) -> None:
    with pytest.raises(ValueError, match="NAME>=VERSION"):
        lowest.lowest(requirement)


def test_every_dependency_of_the_project_is_pinned_and_none_above_what_ci_installs() -> None:
    pins = lowest.pins(tomllib.loads((TOP / "pyproject.toml").read_text()), [])
    low = {name: version for name, _, version in (pin.partition("==") for pin in pins)}
    assert {"torch", "typer", "polars", "numpy", "pytest", "hatchling", "nvidia-ml-py"} <= low.keys()
    lines = [line for line in (TOP / "constraints.txt").read_text().splitlines() if "==" in line]
    high = {name: version for name, _, version in (line.partition("==") for line in lines)}
    both = low.keys() & high.keys()
    assert len(both) > 15
    assert [name for name in both if numbers(low[name]) > numbers(high[name])] == []


def numbers(version: str) -> list[int]:
    """Split a version of numbers alone."""
    return [int(part) for part in version.split(".")]
