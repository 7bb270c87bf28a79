"""The most memory that a run holds above what stood before it: in training alone, and in validation alone."""

from typing import Any

EPOCHS = 2
"""Epochs that are read: the second has the best weights beside the model's own, and later ones hold no more."""
PARTS = ("train", "valid", "save")
"""Parts of an epoch. What saving takes after it is read so that it does not count as training."""


class Peaks:
    """Reads the mark of the highest memory where a part of an epoch ends, and sets it back for the next.

    On a CPU the mark is that of the process, and what the allocator keeps is given back first, or the mark would
    start where the part before had been; both between two spans that are timed, and in the first epochs alone. On
    CUDA it is what tensors held at once; with graphs, whose memory is let go and kept aside, what was reserved.

    Attributes:
        found: the highest of each part, in bytes.
        left: parts that are still to be read.
    """

    def __init__(self, device: str, graphs: bool = False) -> None:
        """Set the mark back, and read what stands before the run."""
        import torch

        # The optimiser loads it with its first step: 70 MB that are no cost of the run.
        import torch._dynamo

        from linrec_cli.profiling import memory

        self.device, self.found, self.left = device, dict[str, int](), len(PARTS) * EPOCHS
        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()
            self.counter = "reserved" if graphs else "allocated"
            self.before = {self.counter: getattr(torch.cuda, f"memory_{self.counter}")()}
        else:
            self.before = memory.baseline()

    def ended(self, part: str) -> None:
        """Read what a part held, which ends now; where the mark cannot be set back, nothing after it."""
        if not self.left:
            return
        self.found[part] = max(self.found.get(part, 0), self.held())
        self.left = self.left - 1 if self.set_back() else 0

    def held(self) -> int:
        """Read the mark, above what stood before the run."""
        import torch

        from linrec_cli.profiling import memory

        if self.device == "cuda":
            most: int = getattr(torch.cuda, f"max_memory_{self.counter}")()
            return most - self.before[self.counter]
        return memory.above(self.before)

    def set_back(self) -> bool:
        """Set the mark back to what is held now; tell whether that can be done here."""
        import torch

        from linrec_cli.profiling import memory

        if self.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
            return True
        memory.trim()
        return memory.reset()

    def rows(self) -> list[dict[str, Any]]:
        """Make the rows of what training and what validation held."""
        from linrec_cli.results import rows

        counter, stood = (self.counter,) * 2 if self.device == "cuda" else ("high-water RSS", "VmRSS")
        note = f"{counter} above the {self.before[stood] / 1e6:.1f} MB held before the model was built"
        return [
            rows.peak(self.found.get("train", 0), f"training alone: {note}"),
            rows.peak(self.found.get("valid", 0), f"validation alone: {note}", "validation_peak_bytes"),
        ]
