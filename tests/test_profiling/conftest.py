import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def planted():
    """The module of planted cells, importable here and in the children."""
    sys.path.insert(0, str(Path(__file__).parent))
    # Children run their parent's script again; they need no pytest.
    vars(sys.modules["__main__"]).pop("__file__", None)
    import planted

    return planted
