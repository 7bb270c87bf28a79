"""Fetching against a server on this machine: what comes, what does not, and what is left behind."""

import contextlib
import errno
import hashlib
import http.server
import io
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from linrec_cli import catalog
from linrec_cli.data.download import fetch, package_index
from linrec_cli.data.download import http as linrec_http
from linrec_cli.data.download.source import Event, Package, Source, SourceError
from linrec_cli.errors import DataError, UsageError

BODY = bytes(range(256)) * 4000
SHA = f"sha256:{hashlib.sha256(BODY).hexdigest()}"


class Handler(http.server.BaseHTTPRequestHandler):
    """Serve BODY in the way the path names; every request is noted."""

    asked: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        # A proxy is asked for a whole address.
        way = self.path.split("/")[3 if self.path.startswith("http") else 1]
        wanted = self.headers.get("Range")
        self.asked.append((way, wanted))
        if way.isdigit():
            return self.send_error(int(way))
        if way == "moved":
            self.send_response(302)
            self.send_header("Location", "/good/file.bin")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        body = BODY[::-1] if way == "wrong" else BODY[:-1] if way == "short" else BODY
        start = int(wanted[6:-1]) if wanted and way not in ("ignore", "noranges") else 0
        if start >= len(body):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if way not in ("noranges", "chunked"):
            self.send_header("Accept-Ranges", "bytes")
        if way != "chunked":
            self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        broken = way in ("broken", "noranges", "ignore") and not start and way + "!" not in self.server.healed
        self.wfile.write(body[start : len(body) // 2 if broken else None])
        return None

    def log_message(self, *args: Any) -> None:
        """Keep quiet."""


@contextlib.contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[http.server.HTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.healed = set()
    server.handle_error = lambda *_: None
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    Handler.asked.clear()
    for name in os.environ:
        if name.lower().endswith("_proxy") or name in ("LINREC_OFFLINE", *linrec_http.BUNDLES):
            monkeypatch.delenv(name)


@pytest.fixture
def server() -> Iterator[http.server.HTTPServer]:
    with serving() as server:
        yield server


@pytest.fixture
def describe(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make `toy` a data set with the sources given."""

    def describe(*sources: Source | Package, **more: Any) -> None:
        module = SimpleNamespace(SOURCES=sources, **more)
        monkeypatch.setattr(catalog, "load", lambda package, name: module)

    return describe


def at(server: http.server.HTTPServer, way: str, scheme: str = "http") -> Source:
    return Source(f"{scheme}://127.0.0.1:{server.server_port}/{way}/file.bin", SHA, len(BODY))


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != ".lock"}


def failing(data_dir: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        fetch.fetch("toy", data_dir, **options)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)
    return str(caught.value)


def dead_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_good_file_arrives_whole_with_its_bytes_told(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "good"))
    events: list[Event] = []
    path = fetch.fetch("toy", tmp_path, report=events.append)
    assert path == tmp_path / "toy" / "file.bin"
    assert path.read_bytes() == BODY
    assert left(path.parent) == {"file.bin", "file.bin.verified"}
    told = [event.done for event in events if event.step == "bytes"]
    assert told == sorted(told)
    assert told[-1] == len(BODY)
    assert events[0].step == "trying"
    assert events[-1] == Event("done", f"127.0.0.1:{server.server_port}", len(BODY), len(BODY))


@pytest.mark.parametrize("way", ["moved", "chunked"])
def test_redirects_and_bodies_of_unknown_length_are_fine(way: str, server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, way))
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY


def test_what_is_here_is_not_fetched_again_unless_forced(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "good"))
    fetch.fetch("toy", tmp_path)
    events: list[Event] = []
    fetch.fetch("toy", tmp_path, report=events.append)
    assert [event.step for event in events] == ["present"]
    assert len(Handler.asked) == 1
    fetch.fetch("toy", tmp_path, force=True)
    assert len(Handler.asked) == 2


def test_a_file_put_there_by_hand_is_checked_once_and_taken(describe: Any, tmp_path: Path) -> None:
    describe(Source("http://127.0.0.1:9/file.bin", SHA, len(BODY)))
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "file.bin").write_bytes(BODY)
    steps: list[str] = []
    for _ in range(2):
        fetch.fetch("toy", tmp_path, report=lambda event: steps.append(event.step))
    assert steps == ["checking", "present", "present"]


def test_a_file_that_was_altered_is_fetched_anew(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "good"))
    path = fetch.fetch("toy", tmp_path)
    path.write_bytes(BODY[::-1])
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("wrong", "gave a wrong file (sha256 "),
        ("short", "offers 1,023,999 bytes instead of 1,024,000"),
        ("404", "answers HTTP 404 (the file is no longer at this address)"),
        ("500", "answers HTTP 500 (trouble of its own; try again later)"),
        ("503", "answers HTTP 503 (trouble of its own; try again later)"),
        ("noranges", "broke off after 512,000 of 1,024,000 bytes"),
    ],
)
def test_a_failing_source_is_one_line_and_leaves_nothing(
    way: str, said: str, server: Any, describe: Any, tmp_path: Path
) -> None:
    describe(at(server, way))
    message = failing(tmp_path)
    assert said in message
    assert f"fetch http://127.0.0.1:{server.server_port}/{way}/file.bin by hand" in message
    assert "linrec download toy --from FILE" in message
    assert left(tmp_path / "toy") == set()


def test_the_next_source_is_tried(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "404"), at(server, "wrong"), at(server, "good"))
    failed: list[Event] = []
    fetch.fetch("toy", tmp_path, report=lambda event: failed.append(event) if event.step == "failed" else None)
    assert [way for way, _ in Handler.asked] == ["404", "wrong", "good"]
    assert len(failed) == 2
    assert left(tmp_path / "toy") == {"file.bin", "file.bin.verified"}


def test_a_broken_download_goes_on_where_it_stopped(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "broken"))
    assert "the same command goes on from there" in failing(tmp_path)
    assert left(tmp_path / "toy") == {"file.bin.part"}
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY
    assert Handler.asked == [("broken", None), ("broken", "bytes=512000-")]
    assert left(tmp_path / "toy") == {"file.bin", "file.bin.verified"}


def test_a_server_that_ignores_the_range_starts_from_zero(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "ignore"))
    failing(tmp_path)
    server.healed.add("ignore!")
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY
    assert Handler.asked[-1] == ("ignore", "bytes=512000-")


@pytest.mark.parametrize("stale", [b"other" * 100, BODY[::-1], BODY + b"more"])
def test_a_stale_part_is_thrown_away_once(stale: bytes, server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "good"))
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "file.bin.part").write_bytes(stale)
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY


def test_a_whole_part_of_a_file_of_unknown_size_is_not_fetched_again(
    server: Any, describe: Any, tmp_path: Path
) -> None:
    describe(Source(at(server, "good").url, SHA, about=10))
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "file.bin.part").write_bytes(BODY)
    fetch.fetch("toy", tmp_path)
    assert Handler.asked == []


def test_a_part_longer_than_the_file_starts_from_zero(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(Source(at(server, "good").url, SHA, about=10))
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "file.bin.part").write_bytes(BODY + b"more")
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY


def test_an_interrupted_download_can_be_resumed(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "good"))

    def interrupt(event: Event) -> None:
        if event.step == "bytes":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.fetch("toy", tmp_path, report=interrupt)
    assert left(tmp_path / "toy") == {"file.bin.part"}
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY
    assert Handler.asked[-1][1] is not None


def test_a_dead_host_says_so(describe: Any, tmp_path: Path) -> None:
    describe(
        Source(f"http://127.0.0.1:{dead_port()}/file.bin", SHA, len(BODY)),
        Source("http://nowhere.invalid/file.bin", SHA, len(BODY)),
    )
    message = failing(tmp_path)
    assert "it refuses the connection" in message
    assert "nowhere.invalid: its name does not resolve" in message


def test_a_proxy_of_the_user_s_own_is_used(
    server: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    describe(Source("http://nowhere.invalid/good/file.bin", SHA, len(BODY)))
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY


def test_a_server_that_says_nothing_is_given_up(describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linrec_http, "READ_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        describe(Source(f"http://127.0.0.1:{deaf.getsockname()[1]}/file.bin", SHA, len(BODY)))
        assert "it does not answer in time" in failing(tmp_path)


def test_a_server_that_speaks_no_http_is_given_up(describe: Any, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as odd:

        def answer() -> None:
            connection, _ = odd.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"220 hello\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        describe(Source(f"http://127.0.0.1:{odd.getsockname()[1]}/file.bin", SHA, len(BODY)))
        assert "220 hello" in failing(tmp_path)
        thread.join()


def test_a_full_disk_says_so_and_leaves_nothing(
    server: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(at(server, "good"), at(server, "good"))

    class Full(io.FileIO):
        def write(self, data: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    path_open = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda path, mode="r", *rest, **more: (
            Full(path, mode) if path.suffix == ".part" and mode != "rb" else path_open(path, mode, *rest, **more)
        ),
    )
    message = failing(tmp_path)
    assert "is full; free some room or give another --data-dir" in message
    assert left(tmp_path / "toy") == set()
    # Another source would meet the same disk.
    assert len(Handler.asked) == 1


def test_a_folder_that_cannot_be_made_says_so(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "good"))
    (tmp_path / "toy").write_text("in the way")
    assert "cannot be written" in failing(tmp_path)


def test_offline_is_an_error_unless_the_file_is_here(
    server: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe(at(server, "good"))
    monkeypatch.setenv("LINREC_OFFLINE", "1")
    assert "LINREC_OFFLINE is set" in failing(tmp_path)
    assert Handler.asked == []
    monkeypatch.setenv("LINREC_OFFLINE", "0")
    path = fetch.fetch("toy", tmp_path)
    monkeypatch.setenv("LINREC_OFFLINE", "1")
    assert fetch.fetch("toy", tmp_path) == path


def test_a_file_fetched_by_hand_is_checked_likewise(describe: Any, tmp_path: Path) -> None:
    describe(
        Source("https://first.invalid/other.bin", "sha256:" + "0" * 64, 5),
        Source("https://second.invalid/file.bin", SHA, len(BODY)),
    )
    good, bad = tmp_path / "anything", tmp_path / "bad.bin"
    good.write_bytes(BODY)
    bad.write_bytes(BODY[:-1])
    with pytest.raises(DataError, match=r"bad\.bin is not other\.bin of toy \(1,023,999 bytes instead of 5\)"):
        fetch.take("toy", tmp_path / "data", bad)
    assert left(tmp_path / "data" / "toy") == set()
    path = fetch.take("toy", tmp_path / "data", good)
    assert path == tmp_path / "data" / "toy" / "file.bin"
    assert path.read_bytes() == BODY
    assert good.exists()
    assert left(path.parent) == {"file.bin", "file.bin.verified"}
    with pytest.raises(DataError, match="there is no file"):
        fetch.take("toy", tmp_path / "data", tmp_path / "nothing")


def test_two_processes_fetch_once(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "good"))
    threads = [threading.Thread(target=fetch.fetch, args=("toy", tmp_path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Handler.asked) == 1


def test_who_waits_is_told(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "good"))
    waiting = threading.Event()
    with fetch.locked(tmp_path / "toy", fetch.ignore):
        tell = threading.Thread(
            target=fetch.fetch,
            args=("toy", tmp_path),
            kwargs={"report": lambda event: waiting.set() if event.step == "waiting" else None},
        )
        tell.start()
        assert waiting.wait(10)
    tell.join()


def test_what_is_made_is_not_fetched(describe: Any, tmp_path: Path) -> None:
    describe()
    with pytest.raises(UsageError, match="toy is made, not downloaded"):
        fetch.fetch("toy", tmp_path)


def test_another_data_set_is_named_and_not_taken(server: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(server, "404"), INSTEAD="toy-copy")
    assert "or take toy-copy, a data set of its own that a package index has" in failing(tmp_path)
    assert left(tmp_path) == {"toy"}


def certificate(folder: Path, *options: str) -> Path:
    """Make a self-signed certificate for 127.0.0.1."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to make a certificate with")
    made = folder / "certificate.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    named = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(made)]
    command = ["openssl", "req", "-x509", *curve, *named, *files, *options]
    subprocess.run(command, check=True, capture_output=True)
    return made


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[http.server.HTTPServer, Path]]:
    made = certificate(tmp_path, "-days", "2")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, tmp_path / "key.pem")
    with serving(context) as server:
        yield server, made


def test_a_certificate_nobody_vouches_for_is_refused(secure: Any, describe: Any, tmp_path: Path) -> None:
    describe(at(secure[0], "good", "https"))
    message = failing(tmp_path)
    assert "its certificate is not accepted (self" in message
    assert "SSL_CERT_FILE" in message


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", *linrec_http.BUNDLES])
def test_a_certificate_of_the_user_s_own_is_trusted(
    variable: str, secure: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(secure[1]))
    describe(at(secure[0], "good", "https"))
    assert fetch.fetch("toy", tmp_path).read_bytes() == BODY


def test_a_bundle_that_cannot_be_read_is_named(
    secure: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
    describe(at(secure[0], "good", "https"))
    assert "REQUESTS_CA_BUNDLE=/nowhere.pem cannot be read" in failing(tmp_path)


def test_an_expired_certificate_says_so() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "certificate has expired"
    said = linrec_http.reason(linrec_http.urllib.error.URLError(error))
    assert said.startswith("its certificate is not accepted (certificate has expired)")


WHEEL = Package("toy==1.0", "toy-1.0-py3-none-any.whl", SHA, len(BODY))


def pretend_pip(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let Python code stand in for pip; it finds the folder to write to in `folder`."""
    monkeypatch.setattr(
        package_index,
        "command",
        lambda package, folder: [sys.executable, "-c", f"folder = {str(folder)!r}\n{script}"],
    )


def test_a_package_is_a_source_like_any_other(
    server: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = "bytes(range(256)) * 4000"
    pretend_pip(monkeypatch, f"open(folder + '/{WHEEL.filename}', 'wb').write({body})")
    describe(at(server, "404"), WHEEL)
    events: list[Event] = []
    path = fetch.fetch("toy", tmp_path, report=events.append)
    assert path.name == WHEEL.filename
    assert path.read_bytes() == BODY
    assert events[-1].source == "package toy==1.0"
    assert left(path.parent) == {WHEEL.filename, f"{WHEEL.filename}.verified"}


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            "import sys; sys.exit('ERROR: No matching distribution found')",
            "No matching distribution",
        ),
        ("import sys; sys.exit(3)", "it says nothing"),
        ("pass", "pip cannot fetch it"),
        (
            f"open(folder + '/{WHEEL.filename}', 'w').write('x')",
            "gave a wrong file (1 bytes instead of 1,024,000)",
        ),
    ],
)
def test_an_index_without_the_package_is_one_line(
    script: str, said: str, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_pip(monkeypatch, script)
    describe(WHEEL)
    message = failing(tmp_path)
    assert said in message
    assert "`python -m pip download --no-deps toy==1.0`" in message
    assert left(tmp_path / "toy") == set()


def test_no_pip_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_index.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SourceError, match="pip is missing here; bring it with `python -m ensurepip`"):
        package_index.bring(WHEEL, tmp_path)


def test_pip_is_asked_for_one_wheel_and_nothing_it_needs(tmp_path: Path) -> None:
    command = package_index.command(WHEEL, tmp_path)
    assert command[0] == sys.executable
    assert {"--no-deps", "--only-binary=:all:", "toy==1.0", str(tmp_path)} <= set(command)
    assert not any("index" in word for word in command)
