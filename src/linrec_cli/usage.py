"""What this process has taken of the machine, and whether others used its cores meanwhile."""

import time
from typing import NamedTuple

CROWDED = 50
"""Times a second and thread that a process was put aside: above, others were using its cores."""
SHARE = 0.9
"""Seconds of CPU a second that one who waits for nothing gets at least, where nobody else uses its core."""

NOTED = 1.0
"""Seconds of a span from which on it is told at once that others used its cores."""


class Usage(NamedTuple):
    """Seconds by the wall clock and of CPU, and how often the process was put aside while it had work to do."""

    wall: float = 0.0
    cpu: float = 0.0
    aside: int = 0

    def since(self, before: "Usage") -> "Usage":
        """Give what was taken since an earlier reading."""
        return Usage(self.wall - before.wall, self.cpu - before.cpu, self.aside - before.aside)

    def plus(self, more: "Usage") -> "Usage":
        """Add up two spans."""
        return Usage(self.wall + more.wall, self.cpu + more.cpu, self.aside + more.aside)

    def contended(self, threads: int, waits: bool) -> bool:
        """Tell whether others used the cores in a span.

        Args:
            waits: the process may wait, for a GPU or for another, and its CPU seconds say nothing.
        """
        return self.aside > CROWDED * threads * self.wall or (not waits and self.cpu < SHARE * self.wall)


def read() -> Usage:
    """Read the clocks of this process, all its threads together."""
    import resource

    return Usage(time.perf_counter(), time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw)
