"""What of each history is trained on, and which events are predicted: what a split makes."""

from dataclasses import dataclass

from torch import Tensor

TRAIN, VALID, TEST = 0, 1, 2
"""Numbers of the parts of data that come split."""


@dataclass(frozen=True)
class Targets:
    """Events to predict, each from what its user did before it.

    Attributes:
        place: `[N]` where they stand in the flat array; their history is what lies between the user's offset and there.
        user: `[N]` the user's row, `0..U-1`; ascending.
    """

    place: Tensor
    user: Tensor

    def __len__(self) -> int:
        """Count the targets."""
        return len(self.place)

    def to(self, device: str) -> "Targets":
        """Move the arrays to a device."""
        return Targets(self.place.to(device), self.user.to(device))


@dataclass(frozen=True)
class Parts:
    """A split of histories.

    Attributes:
        train: `[U]` where each user's training part ends in the flat array: it is what lies between the offset and
            there; a user without one ends where the history starts.
        valid: what choices are made by.
        test: what the numbers are of.
    """

    train: Tensor
    valid: Targets
    test: Targets

    def targets(self, stage: str) -> Targets:
        """Give the targets of `valid` or `test`."""
        return {"valid": self.valid, "test": self.test}[stage]

    def to(self, device: str) -> "Parts":
        """Move the arrays to a device."""
        return Parts(self.train.to(device), self.valid.to(device), self.test.to(device))
