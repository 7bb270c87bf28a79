"""Stand-in until this door is built."""

HELP = "plot"


def command() -> None:
    """Do nothing yet."""
