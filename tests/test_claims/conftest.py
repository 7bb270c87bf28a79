"""The measurements lie beside the tests and are imported by name, here and in `benchmarks/claims.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
