"""The scripts lie in `benchmarks/`, what tests invent beside them; both are imported by name."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "benchmarks")]
