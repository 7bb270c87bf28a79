"""The compiled kernels: what is installed, or else compiled here."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from linrec_cli.kernels import _compiled, _library

TOP = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", TOP / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def compiled(hook: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Load the kernels from where they are installed or, where they are not, from what a compiler makes of them."""
    if _library.load()[0] is not None:
        yield
        return
    if not list(hook.compilers()):
        pytest.skip("no C compiler is here")
    path = tmp_path_factory.mktemp("kernels") / "compiled.so"
    hook.build(_library.HERE, path)
    found = _library.load(path)
    assert found[0] is not None, found[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_compiled, "load", lambda: found)
        yield
