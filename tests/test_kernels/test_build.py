"""Kernels are compiled when linrec is installed, where that can be done, and told apart from those of other source."""

import importlib.metadata
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from linrec_cli.attentions.linear import Attention
from linrec_cli.kernels import _chunks, _compiled, _library, linrec

TOP = Path(__file__).parents[2]
WITH_AVX2 = ("AVX2", "AVX512")
CHOOSE = """
    const char *form = getenv("FORM");
    if (!form) abort();
#if defined(__x86_64__)
    if (form[0] == 'a') return (kind){linrec_avx2, AVX2_WIDE};
#endif
    return (kind){linrec_plain, PLAIN_WIDE};
"""


def initialized(hook: ModuleType, root: Path) -> tuple[dict[str, Any], list[str]]:
    """Run the hook as a build of a wheel does: what it adds, and its warnings."""
    data: dict[str, Any] = {"force_include": {}}
    warnings: list[str] = []
    made = hook.Kernels.__new__(hook.Kernels)
    # As far as the interface goes which the hook uses.
    told = SimpleNamespace(root=str(root), app=SimpleNamespace(display_warning=warnings.append))
    type(made).initialize(told, "standard", data)
    shutil.rmtree(told.room)
    return data, warnings


def test_this_checkout_if_installed_has_its_kernels(hook: ModuleType) -> None:
    try:
        told = importlib.metadata.distribution("linrec").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        told = None
    if json.loads(told or "{}").get("url") != TOP.as_uri() or not list(hook.compilers()):
        pytest.skip("it is not installed, or no compiler is here")
    library, why = _library.load()
    assert library is not None, why


def test_without_a_compiler_the_wheel_is_pure_and_one_is_told(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    monkeypatch.setattr(hook, "commit", lambda root: "")
    data, warnings = initialized(hook, TOP)
    assert data == {"force_include": {}}
    assert "torch's operators serve" in warnings[0]
    monkeypatch.delenv("CC")
    monkeypatch.setenv("PATH", "")
    assert "no C compiler was found" in initialized(hook, TOP)[1][0]


def test_with_one_the_wheel_is_of_a_platform(hook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook, "build", lambda source, target: target.write_bytes(b""))
    monkeypatch.setattr(hook, "commit", lambda root: "")
    data, warnings = initialized(hook, TOP)
    assert warnings == []
    assert data["pure_python"] is False
    assert data["tag"].startswith("py3-none-")
    assert list(data["force_include"].values()) == ["linrec_cli/kernels/compiled.so"]


def test_a_wheel_knows_the_commit_it_was_built_of(hook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    monkeypatch.setattr(
        hook, "build", lambda source, target: found.append((target.parent / "commit").read_text("utf-8"))
    )
    monkeypatch.setattr(hook, "commit", lambda root: f"{root.name}+")
    data, _ = initialized(hook, TOP)
    assert found == [f"{TOP.name}+\n"]
    assert "linrec_cli/commit" in data["force_include"].values()


def test_the_commit_is_git_s_and_where_there_is_no_git_none(hook: ModuleType, tmp_path: Path) -> None:
    assert hook.commit(tmp_path) == ""
    for words in (
        ["init", "-q"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "a"],
    ):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    assert re.fullmatch("[0-9a-f]{12}", hook.commit(tmp_path))


def test_what_does_not_compile_is_an_error(hook: ModuleType, tmp_path: Path) -> None:
    if not list(hook.compilers()):
        pytest.skip("no C compiler is here")
    shutil.copy(_library.HERE / "_library.py", tmp_path)
    for name in _library.SOURCES:
        (tmp_path / name).write_text("no C")
    with pytest.raises(hook.subprocess.CalledProcessError):
        hook.build(tmp_path, tmp_path / "compiled.so")
    assert not list(tmp_path.glob("compiled.so*"))


@pytest.fixture(scope="module")
def obedient(hook: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build kernels of which the environment chooses the form."""
    if not list(hook.compilers()):
        pytest.skip("no C compiler is here")
    folder = tmp_path_factory.mktemp("obedient")
    for name in (*_library.SOURCES, "_library.py"):
        shutil.copy(_library.HERE / name, folder)
    source, start = (folder / "linrec.c").read_text(), "static kind chosen(void) {\n"
    assert start in source
    (folder / "linrec.c").write_text("#include <stdlib.h>\n" + source.replace(start, start + CHOOSE))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hook, "FLAGS", [flag.replace("-O3", "-O1") for flag in hook.FLAGS])
        hook.build(folder, folder / "compiled.so")
    return folder


@pytest.mark.parametrize("form", ["plain", "avx2"])
def test_the_forms_for_other_processors_are_right_too(
    hook: ModuleType, obedient: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    if form == "avx2" and torch.backends.cpu.get_cpu_capability() not in WITH_AVX2:
        pytest.skip("the processor has no such form")
    monkeypatch.setattr(_library, "digest", lambda: hook.digest(obedient))
    monkeypatch.setenv("FORM", form)
    found = _library.load.__wrapped__(obedient / "compiled.so")
    monkeypatch.setattr(_compiled, "load", lambda: found)
    for size, length in ((16, 70), (50, 300), (3, 33), (12, 40)):
        torch.manual_seed(size)
        drawn, decay, lengths = [torch.randn(2, 2, length, size) for _ in range(4)], [-0.03, -2.0], [length, length]
        both = partial(Attention(2 * size, 2, False, length).attend, lengths=torch.tensor(lengths))
        for mix, exact, more in ((linrec.mix, _chunks.mix, [torch.tensor(decay)]), (both, both, [])):
            given = [*drawn[:3], *more]
            with linrec.force("compiled"):
                mine = mixed(mix, given, drawn[3])
            truth = mixed(exact, [x.double() for x in given], drawn[3].double())
            for one, other in zip(mine, truth, strict=True):
                torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=2e-5 * float(other.abs().max()))


def mixed(mix: Callable[..., Tensor], given: list[Tensor], grad: Tensor) -> list[Tensor]:
    """Mix, and differentiate by all that is given."""
    leaves = [x.detach().requires_grad_() for x in given]
    out = mix(*leaves)
    return [out.detach(), *torch.autograd.grad(out, leaves, grad)]


def test_an_object_of_other_source_or_none_is_not_taken(
    compiled: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _library.load(tmp_path / "none.so")[1].startswith("not built")
    (tmp_path / "bad.so").write_text("no object")
    assert _library.load(tmp_path / "bad.so")[1].startswith("not to be loaded")
    monkeypatch.setattr(_library, "digest", lambda: "another")
    if _library.OBJECT.is_file():
        assert _library.load.__wrapped__(_library.OBJECT)[1].startswith("built from other source")


def test_the_digest_is_of_the_source(tmp_path: Path) -> None:
    for name in _library.SOURCES:
        shutil.copy(_library.HERE / name, tmp_path)
    assert _library.digest(tmp_path) == _library.digest()
    with (tmp_path / "vectors.h").open("a") as file:
        file.write("\n")
    assert _library.digest(tmp_path) != _library.digest()
