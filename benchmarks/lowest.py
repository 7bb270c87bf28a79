"""Print the lowest versions that pyproject.toml declares, a requirement a line; what is given replaces one's own.

python benchmarks/lowest.py | pip install -r /dev/stdin
python benchmarks/lowest.py torch==2.13.0
"""

import re
import sys
import tomllib
from pathlib import Path

EXTRAS = ("gpu", "dev")
"""Those that go together with any build of torch."""


def declared(project: dict) -> list[str]:
    """List what is asked for: to build, to run, and by the extras."""
    extras = [one for name in EXTRAS for one in project["project"]["optional-dependencies"][name]]
    return [*project["build-system"]["requires"], *project["project"]["dependencies"], *extras]


def lowest(requirement: str) -> str:
    """Pin a requirement to its lowest version: `name>=1.2` becomes `name==1.2`.

    Raises:
        ValueError: it declares none, or more than that.
    """
    found = re.fullmatch(r"([\w.-]+)>=([\w.]+)", requirement)
    if not found:
        raise ValueError(f"{requirement}: not NAME>=VERSION.")
    return "{}=={}".format(*found.groups())


def pins(project: dict, given: list[str]) -> list[str]:
    """Pin all that is declared, save what is given as `name==1.2`.

    Raises:
        ValueError: no version can be told, or what is given is not declared.
    """
    own = {pin.partition("==")[0]: pin for pin in map(lowest, declared(project))}
    instead = {pin.partition("==")[0]: pin for pin in given}
    if strange := instead.keys() - own.keys():
        raise ValueError(f"{', '.join(sorted(strange))}: not declared.")
    return list((own | instead).values())


if __name__ == "__main__":
    text = Path(__file__).parents[1].joinpath("pyproject.toml").read_text()
    print("\n".join(pins(tomllib.loads(text), sys.argv[1:])))
