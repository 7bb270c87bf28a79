"""Compile the kernels into the wheel; without a compiler the wheel is pure, and torch's operators serve.

python hatch_build.py      compiles them beside their source, for a checkout that is run without being installed
"""

import ctypes
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

KERNELS = Path("src/linrec_cli/kernels")
FLAGS = ["-O3", "-std=gnu11", "-fno-math-errno", "-fno-trapping-math", "-Wno-psabi", "-fPIC", "-shared", "-pthread"]

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:
    # By hand, without what builds wheels.
    BuildHookInterface = object


class Kernels(BuildHookInterface):
    """Compile before a wheel is put together."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the object to the wheel, or leave it beside its source if that is what will be imported."""
        from packaging.tags import sys_tags

        source = Path(self.root, KERNELS)
        self.room = tempfile.mkdtemp()
        if version != "editable" and (at := commit(Path(self.root))):
            built = Path(self.room, "commit")
            built.write_text(f"{at}\n", "utf-8")
            build_data["force_include"][str(built)] = "linrec_cli/commit"
        target = source / "compiled.so" if version == "editable" else Path(self.room, "compiled.so")
        try:
            build(source, target)
        except (OSError, subprocess.CalledProcessError, LookupError) as error:
            self.app.display_warning(f"The kernels were not compiled, and torch's operators serve instead: {error}")
            return
        # A tag that says on which distributions it runs is for who has tried.
        platforms = (tag.platform for tag in sys_tags() if not tag.platform.startswith(("manylinux", "musllinux")))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{next(platforms)}"
        if version != "editable":
            build_data["force_include"][str(target)] = "linrec_cli/kernels/compiled.so"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Clear up."""
        shutil.rmtree(self.room, ignore_errors=True)


def commit(root: Path) -> str:
    """Name the commit that is built, with `+` where it was changed since; empty where git does not know."""
    command = ["git", "-C", str(root), "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def build(source: Path, target: Path) -> None:
    """Compile with the first compiler that can, and see that the object loads.

    Raises:
        LookupError: there is no compiler.
        subprocess.CalledProcessError: the last one failed.
        OSError: what it made can't be loaded.
    """
    failed: Exception = LookupError("no C compiler was found.")
    for compiler in compilers():
        # Under another name first: a process may have the old one loaded.
        made = target.with_name(f"{target.name}.{os.getpid()}")
        files = map(str, sorted(source.glob("*.c")))
        command = [*compiler, *FLAGS, f'-DSOURCE="{digest(source)}"', *files, "-o", str(made), "-lm", "-ldl"]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
            ctypes.CDLL(str(made))
            made.replace(target)
        except (OSError, subprocess.CalledProcessError) as error:
            made.unlink(missing_ok=True)
            failed = error
        else:
            return
    raise failed


def compilers() -> Iterator[list[str]]:
    """Give what may compile C: what the environment names, alone if it does, else what is usual."""
    named = shlex.split(os.environ.get("CC", ""))
    if named:
        yield named
        return
    yield from ([name] for name in ("cc", "gcc", "clang") if shutil.which(name))


def digest(source: Path) -> str:
    """Name the source as the package does, which can't be imported here."""
    scope: dict[str, Any] = {"__file__": str(source / "_library.py")}
    exec((source / "_library.py").read_text("utf-8"), scope)
    return str(scope["digest"](source))


if __name__ == "__main__":
    build(Path(__file__).parent / KERNELS, Path(__file__).parent / KERNELS / "compiled.so")
