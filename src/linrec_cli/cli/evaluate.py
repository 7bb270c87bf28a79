"""Stand-in until this door is built."""

HELP = "evaluate"


def command() -> None:
    """Do nothing yet."""
