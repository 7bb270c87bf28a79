"""Write what the documents say in figures from what was measured and committed: `python benchmarks/document.py`.

A passage stands between `<!-- name -->` and `<!-- end -->`, each on a line of its own, and `name` is a function of
`benchmarks/passages/`. With `--check` nothing is written, and what differs from the results is named (exit 1).
"""

import argparse
import importlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from passages._reference import Reference  # noqa: E402

END = "<!-- end -->"
BEGIN = r"^<!-- ([a-z_]+\.[a-z_]+) -->\n"
MARK = re.compile(rf"(?sm)({BEGIN})(.*?)(^{END}$)")


def passage(name: str, reference: Reference) -> str:
    """Make one passage, with the end of its last line if it has any."""
    module, _, function = name.partition(".")
    make: Callable[[Reference], str] = getattr(importlib.import_module(f"passages.{module}"), function)
    text = make(reference)
    return f"{text}\n" if text else ""


def rewritten(text: str, reference: Reference) -> tuple[str, list[str]]:
    """Give a document with its passages made anew, and the names of those that differed.

    Raises:
        ValueError: a mark has no end, or an end no mark.
    """
    marks, differ = MARK.findall(text), []
    if not len(marks) == text.splitlines().count(END) == len(re.findall(BEGIN, text, re.MULTILINE)):
        raise ValueError("a mark has no end, or an end no mark")

    def make(found: re.Match[str]) -> str:
        made = passage(found[2], reference)
        if made != found[3]:
            differ.append(found[2])
        return found[1] + made + found[4]

    return MARK.sub(make, text), differ


def documents(root: Path) -> Iterator[Path]:
    """Give the documents that have passages."""
    for path in sorted([*root.glob("*.md"), *root.glob("docs/*.md")]):
        if END in path.read_text("utf-8").splitlines():
            yield path


def main(root: Path = HERE.parent) -> int:
    """Rewrite or check the documents below `root`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a document differs")
    given, wrong = parser.parse_args(), False
    reference = Reference(root)
    for path in documents(root):
        try:
            new, differ = rewritten(path.read_text("utf-8"), reference)
        except (ValueError, ImportError, AttributeError) as error:
            raise SystemExit(f"{path.relative_to(root)}: {error}") from error
        for name in differ:
            wrong = True
            print(f"{path.relative_to(root)}: {name} {'differs from the results' if given.check else 'written anew'}")
        if differ and not given.check:
            path.write_text(new, "utf-8")
    if given.check and wrong:
        print("run `python benchmarks/document.py`", file=sys.stderr)
    return int(given.check and wrong)


if __name__ == "__main__":
    sys.exit(main())
