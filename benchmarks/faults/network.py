"""Let a server misbehave in every way known, and download from it: `python benchmarks/faults/network.py`.

`linrec download` itself is run, on a copy of the package to which an invented data set was added, from a server here
that is silent, slow, endless, lies, breaks off, sends on, is busy or has no certificate to be trusted. Each fault is
met twice: alone, and with a second address behind it that serves the file. What comes of it:

- had: the right file, from the very server, in spite of the fault;
- next: an error that says why, exit 3, and with the second address the right file from there;
- wrong: anything else, as another file, a traceback, leftovers, a body read without end, or more than `--seconds`.

`--out` keeps, of each fault, the seconds and exit codes of both and the bytes that the server could send, as CSV.
"""

import argparse
import hashlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

sys.path.append(str(Path(__file__).resolve().parents[1]))

import _measured
from faults.misbehaving import BODY, HAD, NEXT, SECURE, SIZE, UNHEARD, Asked, Server, serving

import linrec_cli

DIGEST = hashlib.sha256(BODY).hexdigest()
CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
MOST = 40 * SIZE
"""Bytes that a server may get rid of: what is not read lies in the buffers of the system."""
MODULE = """
import json, os
from pathlib import Path
import polars as pl
from linrec_cli.data.download.source import Source
SOURCES = tuple(Source(**one) for one in json.loads(os.environ["SOURCES"]))
LICENSE = CITATION = "invented here"
EXAMPLE = {}
def read(path: Path) -> pl.LazyFrame: return pl.LazyFrame()
"""


def certificate(folder: Path, days: int, host: str) -> tuple[Path, Path]:
    """Make a certificate that is its own authority, and the key to it."""
    key, asks, made = (folder / name for name in ("key.pem", "asks.pem", "made.pem"))
    named = ["-subj", f"/CN={host}", "-addext", f"subjectAltName={host}"]
    commands = [
        ["req", "-new", *CURVE, *named, "-keyout", key, "-out", asks],
        ["x509", "-req", "-in", asks, "-signkey", key, "-copy_extensions", "copy", "-days", str(days), "-out", made],
    ]
    for command in commands:
        subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True)
    return made, key


class Tried(NamedTuple):
    """What one command did."""

    code: int
    seconds: float
    said: str
    left: frozenset[str]
    right: bool


def download(sources: list[dict[str, Any]], package: Path, folder: Path, trusted: Path | None) -> Tried:
    """Run the command."""
    surroundings = {name: text for name, text in os.environ.items() if not name.lower().endswith("_proxy")}
    told = {"PYTHONPATH": str(package), "SOURCES": json.dumps(sources), "NO_COLOR": "1"}
    told |= {"SSL_CERT_FILE": str(trusted)} if trusted else {}
    begin = time.monotonic()
    command = [sys.executable, "-m", "linrec_cli", "download", "toy", "--data-dir", str(folder)]
    done = subprocess.run(command, env=surroundings | told, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - begin
    files = {path.name for path in (folder / "toy").iterdir() if path.name != ".lock"}
    path = folder / "toy" / "file.bin"
    return Tried(done.returncode, seconds, done.stderr, frozenset(files), path.is_file() and path.read_bytes() == BODY)


def meet(name: str, package: Path, room: Path) -> dict[str, Any]:
    """Meet a fault alone, and with a second address behind it."""
    found, sent, good = [], 0, False
    for number in range(2):
        with ExitStack() as stack:
            folder = room / f"{name.replace('/', '-')} {number}"
            folder.mkdir()
            url, server, trusted = begin(name, stack, folder)
            mirror = stack.enter_context(serving(lambda a: a.serve()))
            urls = [url, f"http://127.0.0.1:{mirror.server_address[1]}/file.bin"][: number + 1]
            sources = [{"url": one, "digest": f"sha256:{DIGEST}", "bytes": SIZE} for one in urls]
            found.append(download(sources, package, folder, trusted))
            sent = max(sent, server.sent if server else 0)
            good = mirror.met["/file.bin"] > 0
    return judged(name, found[0], found[1], good, sent)


def begin(name: str, stack: ExitStack, folder: Path) -> tuple[str, Server | None, Path | None]:
    """Begin to serve a fault: its address, its server, and a certificate that is trusted."""
    if name == "refuses the connection":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return f"http://127.0.0.1:{free.getsockname()[1]}/file.bin", None, None
    if name == "has no name":
        return "http://nowhere.invalid/file.bin", None, None
    context, trusted, scheme = None, None, "https" if name in SECURE or name in UNHEARD else "http"
    if name in SECURE:
        host = "DNS:elsewhere.invalid" if "another host" in name else "IP:127.0.0.1"
        trusted, key = certificate(folder, -1 if "expired" in name else 2, host)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(trusted, key)
        trusted = None if "nobody" in name else trusted
    if name == "a byte a second in a handshake":
        slow: Callable[[Asked], Any] = lambda a: (a.write(b"\x16\x03\x03\x40\x00"), a.repeat(b"x", 1))  # noqa: E731
        server = stack.enter_context(serving(slow, deaf=True))
    else:
        answers = HAD | NEXT | SECURE | {"https asked, http spoken": lambda a: a.serve()}
        server = stack.enter_context(serving(answers[name], context))
    return f"{scheme}://127.0.0.1:{server.server_address[1]}/file.bin", server, trusted


def judged(name: str, alone: Tried, second: Tried, mirror: bool, sent: int) -> dict[str, Any]:
    """Say what came of a fault."""
    whole = {"file.bin", "file.bin.verified"}
    last = " ".join(alone.said.split())
    wrong = [why for why, is_so in {
        "alone": alone.code != (0 if name in HAD else 3) or alone.right != (name in HAD),
        "with another": second.code != 0 or not second.right or mirror != (name not in HAD),
        "left": second.left != whole or not alone.left <= (whole if name in HAD else {"file.bin.part"}),
        "said": "Traceback" in alone.said + second.said or (name not in HAD and "could not be had" not in last),
    }.items() if is_so]  # fmt: skip
    row = {"fault": name, "outcome": "wrong" if wrong else "had" if name in HAD else "next", "wrong": " ".join(wrong)}
    numbers = {"seconds": alone.seconds, "code": alone.code, "seconds_next": second.seconds, "code_next": second.code}
    return row | numbers | {"mirror": mirror, "sent": sent, "resumable": "file.bin.part" in alone.left}


def main() -> int:
    """Meet each fault, print what came of it, and tell whether all went well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="faults, as a;b; else all")
    parser.add_argument("--seconds", type=float, default=240.0, help="that a command may take")
    parser.add_argument("--at-once", type=int, default=8, help="faults at a time, most of which wait")
    parser.add_argument("--out", type=Path, help="write the rows as CSV")
    asked = parser.parse_args()
    names = asked.only.split(";") if asked.only else [*HAD, *NEXT, *SECURE, *UNHEARD]
    with tempfile.TemporaryDirectory(prefix="network-") as folder:
        package = Path(folder) / "package"
        source = Path(linrec_cli.__file__).parent
        shutil.copytree(source, package / source.name)
        (package / source.name / "datasets" / "toy.py").write_text(MODULE, "utf-8")
        with ThreadPoolExecutor(asked.at_once) as pool:
            rows = list(pool.map(lambda name: meet(name, package, Path(folder)), names))
    for row in rows:
        if max(row["seconds"], row["seconds_next"]) > asked.seconds or row["sent"] > MOST:
            row["outcome"] = "wrong"
        print(", ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    if asked.out:
        _measured.write([row | {"allowed": asked.seconds} for row in rows], asked.out, threads=1)
    return int(any(row["outcome"] == "wrong" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
