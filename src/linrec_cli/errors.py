"""Every error a user can cause, each with its exit code.

A message is one line: what is wrong, then what to do about it.
"""


class LinrecError(Exception):
    """Stop the command with `exit_code` and print the message as one line."""

    exit_code = 1


class UsageError(LinrecError):
    """The command was asked for something that does not exist or does not fit together."""

    exit_code = 2


class FaultError(UsageError):
    """A file of a catalog cannot be imported, or does not what every file of its folder promises."""


class DataError(LinrecError):
    """Data could not be had, or is not what it should be."""

    exit_code = 3


class NothingMeasuredError(LinrecError):
    """No cell could be measured, or nothing can be compared."""

    exit_code = 4


class RegressionError(LinrecError):
    """A cost rose or a quality fell by more than runs of the same code differ."""

    exit_code = 5


class InconclusiveError(LinrecError):
    """A comparison that had to be conclusive was not."""

    exit_code = 6
