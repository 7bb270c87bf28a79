"""The compiled kernels: found beside their source, loaded, and only if they were built from it."""

import ctypes
import hashlib
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
OBJECT = HERE / "compiled.so"
SOURCES = (
    *("linrec.c", "plain.c", "avx2.c", "avx512.c"),
    *("call.h", "vectors.h", "sweeps.h", "passes.h", "bidirectional.h", "form.h"),
)

POINTER, INTEGER = ctypes.c_void_p, ctypes.c_int64


def digest(folder: Path = HERE) -> str:
    """Name the source in `folder`: compiled into the object, it tells whether that is of today."""
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in SOURCES)).hexdigest()[:16]


@cache
def load(path: Path = OBJECT) -> tuple[ctypes.CDLL | None, str]:
    """Load the kernels, or none of them and why."""
    if not path.is_file():
        return None, "not built; where a C compiler is found, installing linrec builds it"
    try:
        library = ctypes.CDLL(str(path))
        library.linrec_source.restype = ctypes.c_char_p
        library.linrec_run.restype = INTEGER
        library.linrec_run.argtypes = [POINTER] * 5 + [INTEGER]
        same = library.linrec_source().decode() == digest()
    except (OSError, AttributeError) as error:
        return None, f"not to be loaded: {error}"
    if not same:
        return None, "built from other source; install linrec again"
    return library, ""
