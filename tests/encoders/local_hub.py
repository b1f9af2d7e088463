"""A hub on this computer with one repository, and a memory of what it was asked for."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

REPOSITORY = "somebody/made-up"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class LocalHub(ThreadingHTTPServer):
    """Hands out the files of a folder.

    Parameters
    ----------
    folder
        The repository; its binary files are announced with their SHA-256.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def listing(self) -> dict[str, object]:
        return {
            "id": REPOSITORY,
            "sha": COMMIT,
            "siblings": [_announce(path) for path in sorted(self.folder.iterdir())],
        }


def _announce(path: Path) -> dict[str, object]:
    content = path.read_bytes()
    facts: dict[str, object] = {"rfilename": path.name, "size": len(content)}
    if path.suffix in (".safetensors", ".bin"):
        digest = hashlib.sha256(content).hexdigest()
        facts["lfs"] = {"size": len(content), "sha256": digest, "pointerSize": 100}
    return facts


class _Handler(BaseHTTPRequestHandler):
    server: LocalHub

    def log_message(self, *_arguments: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        prefix = f"/{REPOSITORY}/resolve/{COMMIT}/"
        file = self.server.folder / path.removeprefix(prefix)
        if path.startswith(f"/api/models/{REPOSITORY}"):
            if path.endswith("/revision/lost"):
                self.answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            else:
                self.server.asked.append(path)
                self.answer(200, json.dumps(self.server.listing()).encode())
        elif path.startswith(prefix) and file.is_file():
            if self.command == "GET":
                self.server.asked.append(file.name)
            content = file.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            self.answer(200, content, {"ETag": f'"{digest}"', "X-Repo-Commit": COMMIT})
        else:
            self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def answer(self, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@contextmanager
def serving(folder: Path) -> Iterator[LocalHub]:
    """A hub that serves until the end."""
    with LocalHub(folder) as hub:
        thread = threading.Thread(target=hub.serve_forever)
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()
