"""Stand-in until this door is built."""

HELP = "train"


def command() -> None:
    """Do nothing yet."""
