"""Stand-in until this door is built."""

HELP = "preprocess"


def command() -> None:
    """Do nothing yet."""
