"""What would make a GPU wait is a module of its own, which a process of its own runs too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
