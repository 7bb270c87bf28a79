"""Stand-in until this door is built."""

HELP = "download"


def command() -> None:
    """Do nothing yet."""
