"""What tables and figures need to know of phases, as their files say it; a table may name one that has none."""

from linrec_cli.phases._phase import phases


def ordered() -> list[str]:
    """List the phases in the order they are shown, a whole before its parts."""
    return [one.name for one in phases()]


def title(phase: str, model: str | None) -> str:
    """Write what is measured in a phase."""
    return next((one.title for one in phases() if one.name == phase), phase).replace("{model}", model or "model")


def wholes() -> dict[str, str]:
    """Give, by phases that are parts of another, that other."""
    return {one.name: one.part_of for one in phases() if one.part_of}


def with_ways() -> list[str]:
    """List the phases whose `stage` tells ways to do the same apart."""
    return [one.name for one in phases() if one.ways]


def without_slopes() -> list[str]:
    """List the phases whose cost is none of a length."""
    return [one.name for one in phases() if not one.slopes]


def left_out(phase: str) -> tuple[str, ...]:
    """List the columns that a printed line of a phase has no room for."""
    return next((one.left_out for one in phases() if one.name == phase), ())
