"""Stand-in until this door is built."""

HELP = "profile"


def command() -> None:
    """Do nothing yet."""
