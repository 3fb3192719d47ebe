"""A small model hub on loopback: as much of the hub's protocol as huggingface-hub's downloads use."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Serves {repository: {file: content}}.

    Attributes:
        cut: files whose transfer breaks off after that many bytes, once for each entry of the list.
        gates: files of which half is sent, and the rest when the event is set.
        damage: files whose content comes with other bytes than its hash says.
        sent: bytes of each file that went out.
    """

    daemon_threads = True

    def __init__(self, repos: dict[str, dict[str, bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repos = repos
        self.cut: dict[str, list[int]] = {}
        self.damage: set[str] = set()
        self.gates: dict[str, threading.Event] = {}
        self.sent: Counter[str] = Counter()
        self.ranges: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _missing(self, code: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer(self, *, body: bool) -> None:
        repo, resolve, rest = self.path.lstrip("/").partition("/resolve/")
        files = self.server.repos.get(repo)
        if not resolve or files is None:
            return self._missing("RepoNotFound")
        name = rest.partition("/")[2].partition("?")[0]
        if name not in files:
            return self._missing("EntryNotFound")
        content = files[name]
        start = 0
        wanted = self.headers.get("Range", "")
        if body and wanted:
            self.server.ranges.append(wanted)
            start = int(wanted.removeprefix("bytes=").split("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if not body:
            return None
        stops = self.server.cut.get(name, [])
        end = stops.pop(0) if stops else len(content)
        if name in self.server.damage:
            content = content[:-1] + b"?"
        with suppress(ConnectionError):  # whoever asked may be gone
            if gate := self.server.gates.get(name):
                half = (start + end) // 2
                self.wfile.write(content[start:half])
                self.wfile.flush()
                start = half
                gate.wait(60)
            self.wfile.write(content[start:end])
        self.server.sent[name] += max(0, end - start)
        if end < len(content):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        return None

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving(repos: dict[str, dict[str, bytes]]) -> Iterator[Hub]:
    """A hub that runs inside the with block."""
    hub = Hub(repos)
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()
