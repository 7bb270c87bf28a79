"""What the targets of a stage have that the training part has not: they are ranked all the same, and counted."""

from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.models._counts import popularity

COLD = {
    "cold_items": ("targets", "cold_items are targets whose item is in no training part, ranked like any other"),
    "cold_users": ("users", "cold_users have no training part themselves, and are ranked like any other"),
}
"""The unit of each count, and what it is."""


def cold(sequences: Sequences, parts: Parts, stage: str) -> dict[str, int]:
    """Count the targets whose item nobody has in the training part, and the users of targets who have none there."""
    targets = parts.targets(stage)
    unknown = popularity(sequences, parts)[sequences.flat[targets.place] - 1] == 0
    alone = parts.train[targets.user] == sequences.offsets[targets.user]
    return {"cold_items": int(unknown.sum()), "cold_users": len(targets.user[alone].unique())}
