"""A hub on the loopback: folders served as repositories, in the parts of its protocol that clients use.

`ROOT/OWNER/NAME/REVISION/...` holds the files of a repository at a revision ("main", a commit, a branch or a tag),
which is one of data sets or of a model as it is asked for.
"""

import hashlib
import json
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import pytest


class Hub:
    """Serves what lies under a folder at an address, and counts all requests.

    up: while false, each connection is closed without an answer.
    """

    def __init__(self, root: Path) -> None:
        self.up = True
        self.n_requests = 0
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"root": root, "hub": self}))
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def serve(root: Path) -> Generator[Hub]:
    """A hub of what lies under `root`, for a process whose HF_ENDPOINT is its address."""
    hub = Hub(root)
    thread = threading.Thread(target=hub.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.server.shutdown()
        hub.server.server_close()
        thread.join()


@contextmanager
def serve_here(root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Hub]:
    """The same for this process, whose client of the hub is loaded already; its cache is empty."""
    with serve(root) as hub:
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


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    root: ClassVar[Path]
    hub: ClassVar[Hub]

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_: object, **__: object) -> None:
        pass

    def _answer(self) -> None:
        self.hub.n_requests += 1
        if not self.hub.up:
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        if parts[:1] == ["api"] and parts[1:2] in (["datasets"], ["models"]):
            self._api("/".join(parts[2:4]), parts[4:], body)
            return
        if parts[:1] == ["datasets"]:
            parts = parts[1:]
        if parts[2:3] == ["resolve"]:
            self._file("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        else:
            self._refuse("EntryNotFound")

    def _api(self, name: str, rest: list[str], body: bytes) -> None:
        what, revision, *path = rest or ["revision", "main"]
        folder = self._folder(name, revision)
        if folder is None:
            return
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        names = [file.relative_to(folder).as_posix() for file in files]
        if what == "revision":
            siblings = [{"rfilename": file} for file in names]
            about = {"id": name, "sha": _commit(name, revision), "siblings": siblings, "private": False, "gated": False}
            self._send({**about, "tags": [], "downloads": 0, "likes": 0, "lastModified": "2024-01-01T00:00:00.000Z"})
        elif what == "tree":
            below = folder.joinpath(*path)
            found = sorted(below.rglob("*") if "recursive=true" in self.path.lower() else below.glob("*"))
            if found:
                self._send([_entry(folder, entry) for entry in found])
            else:
                self._refuse("EntryNotFound")
        elif what == "paths-info":
            text = body.decode()
            asked = json.loads(text)["paths"] if text.startswith("{") else parse_qs(text).get("paths", [])
            self._send([_entry(folder, file) for file, its in zip(files, names, strict=True) if its in asked])
        else:
            self._refuse("EntryNotFound")

    def _file(self, name: str, revision: str, path: str) -> None:
        folder = self._folder(name, revision)
        if folder is None:
            return
        file = folder / path
        commit = {"X-Repo-Commit": _commit(name, revision)}
        if not file.is_file():
            self._refuse("EntryNotFound", commit)  # a client with the commit does not ask for the file again
            return
        content = file.read_bytes()
        self._write(200, content, "application/octet-stream", {**commit, "ETag": f'"{_digest(content)}"'})

    def _folder(self, name: str, revision: str) -> Path | None:
        """The files of a revision; None, after the answer, where there are none."""
        if not (self.root / name).is_dir():
            self._refuse("RepoNotFound")
            return None
        for folder in sorted(self.root.joinpath(name).iterdir()):
            if revision in (folder.name.replace("%2F", "/"), _commit(name, folder.name.replace("%2F", "/"))):
                return folder
        self._refuse("RevisionNotFound")
        return None

    def _refuse(self, code: str, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        self._write(404, b'{"error": "not found"}', "application/json", {"X-Error-Code": code, **headers})

    def _send(self, content: object) -> None:
        self._write(200, json.dumps(content).encode(), "application/json", {})

    def _write(self, status: int, content: bytes, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _entry(folder: Path, file: Path) -> dict[str, object]:
    path = file.relative_to(folder).as_posix()
    if file.is_dir():
        return {"type": "directory", "path": path, "size": 0, "oid": _digest(path.encode())}
    content = file.read_bytes()
    return {"type": "file", "path": path, "size": len(content), "oid": _digest(content)}


def _commit(name: str, revision: str) -> str:
    """A revision of forty digits is a commit already; the name of a branch or tag stands for one."""
    return revision if len(revision) == 40 else _digest(f"{name} {revision}".encode())


def _digest(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()
