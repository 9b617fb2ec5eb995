"""A hub of one model on the loopback, in the parts of its protocol that a download asks for."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest


class Hub:
    """Serves a folder as `someone/model`, and counts all requests.

    up: while false, each connection is closed without an answer.
    """

    commit = "0123456789abcdef0123456789abcdef01234567"

    def __init__(self, folder: Path) -> None:
        hub = self
        self.up = True
        self.n_requests = 0

        class Handler(BaseHTTPRequestHandler):
            def answer(self, send: bool) -> None:
                hub.n_requests += 1
                if not hub.up:
                    self.close_connection = True
                    return
                revision, _, name = self.path.removeprefix("/someone/model/resolve/").partition("/")
                found = revision in ("main", hub.commit) and (folder / name).is_file()
                data = (folder / name).read_bytes() if found else b""
                if self.path.startswith("/api/models/someone/model"):
                    about = {"id": "someone/model", "sha": hub.commit, "siblings": []}
                    found, data = True, json.dumps([] if "/tree/" in self.path else about).encode()
                self.send_response(200 if found else 404)
                self.send_header("Content-Length", str(len(data)))
                self.send_header("X-Repo-Commit", hub.commit)
                if found:
                    self.send_header("Content-Type", "application/json")
                    self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
                elif not self.path.startswith("/someone/model"):
                    self.send_header("X-Error-Code", "RepoNotFound")
                else:
                    self.send_header("X-Error-Code", "EntryNotFound")
                self.end_headers()
                if send:
                    self.wfile.write(data)

            def do_HEAD(self) -> None:
                self.answer(send=False)

            def do_GET(self) -> None:
                self.answer(send=True)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def serve(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub that this process asks, with an empty cache; it serves what `folder` holds when it is asked."""
    hub = Hub(folder)
    thread = Thread(target=hub.server.serve_forever)
    thread.start()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.address)
    monkeypatch.setattr("huggingface_hub.hf_api.api.endpoint", hub.address)
    # transformers keeps one client, which remembers the address it was made with.
    monkeypatch.setattr("transformers.utils.hub._hf_api", None, raising=False)
    monkeypatch.setattr(
        "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
        hub.address + "/{repo_id}/resolve/{revision}/{filename}",
    )
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("transformers.utils.hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield hub
    hub.server.shutdown()
    hub.server.server_close()
    thread.join()
