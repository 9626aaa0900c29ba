"""A Hub on loopback: as much of huggingface.co as its clients need, with a request log and fault injection.

It serves the unmodified huggingface_hub, keras and datasets clients from a folder: repos, commits of small files and
of LFS files, branches and tags, range requests, private repos, read-only tokens, and a Space's variables. No Xet.
"""

import asyncio
import base64
import hashlib
import json
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

WRITER = "hf_writer0000"  # may write to the repos of "owner"
READER = "hf_reader0000"  # may only read, including the private repos of "owner"
TOKENS = {WRITER: ("owner", "write"), READER: ("owner", "read")}

FOREVER = 3600.0  # seconds; longer than any test waits
LFS_SUFFIXES = {".h5", ".keras", ".parquet", ".png"}


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the requests whose "METHOD path" matches `pattern`.

    Attributes:
        pattern: a regular expression, found anywhere in "METHOD path".
        delay: seconds before the response.
        status: respond with this status and nothing else.
        headers: the headers of that response.
        corrupt: changes the bytes of each file that is downloaded.
        times: how many requests the fault hits before it passes.
    """

    pattern: str = ""
    delay: float = 0.0
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    corrupt: Callable[[bytes], bytes] = bytes
    times: float = float("inf")


class RefusalError(Exception):
    """An error response in the Hub's format."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        self.response = JSONResponse({"error": message}, status, headers)


def write_whole(path: Path, text: str) -> None:
    """Write a file that another thread, which may read it meanwhile, sees either as it was or whole."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.write(text)
    Path(file.name).replace(path)


class Repo:
    """One repo in a folder: repo.json holds its commits and refs, blobs/ its files, named by their hashes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state: dict[str, Any] = json.loads((folder / "repo.json").read_text())

    @classmethod
    def create(cls, folder: Path, private: bool) -> "Repo":
        unfinished = folder.with_name(f".{folder.name}")
        (unfinished / "blobs").mkdir(parents=True)
        state = {"private": private, "branches": {"main": None}, "tags": {}, "commits": {}, "variables": {}}
        write_whole(unfinished / "repo.json", json.dumps(state))
        repo = cls(unfinished)
        repo.commit("main", "initial commit", {".gitattributes": repo.store(b"*.h5 filter=lfs\n", lfs=False)})
        unfinished.rename(folder)
        return cls(folder)

    def save(self) -> None:
        write_whole(self.folder / "repo.json", json.dumps(self.state, indent=1))

    def store(self, content: bytes, *, lfs: bool) -> dict[str, Any]:
        sha1 = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        oid = hashlib.sha256(content).hexdigest() if lfs else sha1
        (self.folder / "blobs" / oid).write_bytes(content)
        return {"oid": oid, "size": len(content), "lfs": lfs}

    def commit(self, branch: str, title: str, added: dict[str, dict]) -> str:
        parent = self.state["branches"][branch]
        files = self.state["commits"][parent]["files"] if parent else {}
        record = {"parent": parent, "title": title, "files": files | added}
        sha = hashlib.sha1(json.dumps([record, time.time_ns()]).encode()).hexdigest()
        self.state["commits"][sha] = record
        self.state["branches"][branch] = sha
        self.save()
        return sha

    def resolve(self, revision: str) -> str:
        """Return the commit that a branch, a tag or a commit names."""
        known = {sha: sha for sha in self.state["commits"]} | self.state["tags"] | self.state["branches"]
        if revision not in known:
            raise RefusalError(404, "Invalid rev id: " + revision, "RevisionNotFound")
        return known[revision]

    def files(self, revision: str = "main") -> dict[str, dict]:
        return self.state["commits"][self.resolve(revision)]["files"]

    def history(self, revision: str = "main") -> list[str]:
        """Return the commits, the newest first."""
        shas: list[str] = []
        sha: str | None = self.resolve(revision)
        while sha:
            shas.append(sha)
            sha = self.state["commits"][sha]["parent"]
        return shas


def commit_of(url: str) -> str:
    """Return the hash at the end of a commit's URL."""
    return url.rsplit("/", 1)[-1]


class LoopbackHub:
    """The server, run in a thread; `requests` lists the "METHOD path" of every request."""

    def __init__(self, root: Path, port: int) -> None:
        self.root, self.port = root, port
        self.requests: list[str] = []
        self._fault: Fault | None = None
        self._hits = 0

    def start(self) -> None:
        # At shutdown, what is left are the requests that a fault holds up.
        config = uvicorn.Config(
            Starlette(routes=self._routes()), port=self.port, log_level="critical", timeout_graceful_shutdown=0
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()

    def reset(self) -> None:
        """Forget all repos, requests and faults."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.requests.clear()
        self._fault = None

    @contextmanager
    def down(self) -> Iterator[None]:
        """Refuse connections inside the `with` block."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def fault(self, **what: Any) -> Iterator[None]:
        """Inject a `Fault` inside the `with` block; the arguments are its attributes."""
        self._fault, self._hits = Fault(**what), 0
        try:
            yield
        finally:
            self._fault = None

    def repo(self, repo_id: str, kind: str = "models") -> Repo:
        folder = self.root / kind / repo_id
        if not folder.is_dir():
            raise RefusalError(404, "Repository not found", "RepoNotFound")
        return Repo(folder)

    def _routes(self) -> list[Route]:
        table = {
            "GET /api/whoami-v2": self._whoami,
            "POST /api/repos/create": self._create,
            "POST /api/validate-yaml": self._validate,
            "GET /api/{kind}/{owner}/{name}": self._info,
            "GET /api/{kind}/{owner}/{name}/revision/{revision}": self._info,
            "GET /api/{kind}/{owner}/{name}/tree/{revision}": self._tree,
            "GET /api/{kind}/{owner}/{name}/tree/{revision}/{path:path}": self._tree,
            "POST /api/{kind}/{owner}/{name}/paths-info/{revision}": self._paths_info,
            "GET /api/{kind}/{owner}/{name}/refs": self._refs,
            "GET /api/{kind}/{owner}/{name}/commits/{revision}": self._commits,
            "POST /api/{kind}/{owner}/{name}/branch/{branch}": self._branch,
            "POST /api/{kind}/{owner}/{name}/tag/{revision}": self._tag,
            "POST /api/{kind}/{owner}/{name}/preupload/{revision}": self._preupload,
            "POST /api/{kind}/{owner}/{name}/commit/{revision}": self._commit,
            "GET /api/{kind}/{owner}/{name}/variables": self._variables,
            "POST /api/{kind}/{owner}/{name}/variables": self._variables,
        }
        for prefix, kind in {"": "models", "/datasets": "datasets", "/spaces": "spaces"}.items():
            repo = prefix + "/{owner}/{name}"
            table |= {
                f"POST {repo}.git/info/lfs/objects/batch#{kind}": self._lfs_batch,
                f"PUT {repo}.git/lfs/{{oid}}#{kind}": self._lfs_put,
                f"GET {repo}/resolve/{{revision}}/{{path:path}}#{kind}": self._file,
            }
        routes = []
        for line, handler in table.items():
            method, path = line.split()
            path, _, kind = path.partition("#")
            routes.append(Route(path, self._guarded(handler, kind), methods=[method]))
        return [*routes, Route("/{path:path}", self._guarded(self._unknown), methods=["GET", "POST", "PUT", "DELETE"])]

    def _guarded(self, handler: Callable, kind: str = "") -> Callable[[Request], Awaitable[Response]]:
        """Log the request, inject the fault, and turn a `RefusalError` into its response."""

        async def endpoint(request: Request) -> Response:
            line = f"{request.method} {request.url.path}"
            self.requests.append(line)
            if kind:
                request.path_params["kind"] = kind
            fault = self._fault
            if fault and not (re.search(fault.pattern, line) and self._hits < fault.times):
                fault = None
            if fault:
                self._hits += 1
                await asyncio.sleep(fault.delay)
                if fault.status:
                    return Response(f"fault {fault.status}", fault.status, fault.headers)
            try:
                self._user(request)
                request.state.body = await request.body()
                response = handler(request)
            except RefusalError as refusal:
                return refusal.response
            if fault and handler == self._file and request.method == "GET":
                return Response(fault.corrupt(response.body), headers={"ETag": response.headers["ETag"]})
            return response

        return endpoint

    def _user(self, request: Request) -> tuple[str | None, str]:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token and token not in TOKENS:
            raise RefusalError(401, "Invalid credentials in Authorization header")
        return TOKENS.get(token, (None, "read"))

    def _open(self, request: Request, *, write: bool = False) -> Repo:
        where = request.path_params
        repo = self.repo(f"{where['owner']}/{where['name']}", where["kind"])
        user, role = self._user(request)
        if repo.state["private"] and user != where["owner"]:
            raise RefusalError(401 if user is None else 404, "Repository not found", "RepoNotFound")
        if write and (user, role) != (where["owner"], "write"):
            raise RefusalError(401 if user is None else 403, "You don't have the right to write to this repository")
        return repo

    def _unknown(self, request: Request) -> Response:
        raise RefusalError(404, f"Not served here: {request.method} {request.url.path}")

    def _whoami(self, request: Request) -> Response:
        user, role = self._user(request)
        if user is None:
            raise RefusalError(401, "Invalid username or password.")
        return JSONResponse({"type": "user", "name": user, "orgs": [], "auth": {"accessToken": {"role": role}}})

    def _create(self, request: Request) -> Response:
        wanted = json.loads(request.state.body)
        user, role = self._user(request)
        owner = wanted["organization"] or user
        if (user, role) != (owner, "write"):
            raise RefusalError(401 if user is None else 403, "You don't have the right to create a repository there")
        kind = wanted.get("type", "model") + "s"
        prefix = "" if kind == "models" else kind + "/"
        url = f"http://127.0.0.1:{self.port}/{prefix}{owner}/{wanted['name']}"
        folder = self.root / kind / owner / wanted["name"]
        if folder.exists():
            return JSONResponse({"error": "You already created this repo", "url": url}, 409)
        Repo.create(folder, wanted.get("visibility") == "private")
        return JSONResponse({"url": url})

    def _validate(self, request: Request) -> Response:
        content = json.loads(request.state.body)["content"]
        try:
            metadata = yaml.safe_load(content.split("---\n")[1]) if content.startswith("---\n") else {}
            errors = [] if isinstance(metadata, dict) else [{"message": "the front matter is not a mapping"}]
        except yaml.YAMLError as error:
            errors = [{"message": str(error)}]
        return JSONResponse({"errors": errors, "warnings": []}, 400 if errors else 200)

    def _info(self, request: Request) -> Response:
        repo, where = self._open(request), request.path_params
        sha = repo.resolve(where.get("revision", "main"))
        siblings = [{"rfilename": path} for path in repo.files(sha)]
        repo_id = f"{where['owner']}/{where['name']}"
        return JSONResponse(
            {"id": repo_id, "sha": sha, "private": repo.state["private"], "siblings": siblings, "tags": []}
        )

    @staticmethod
    def _entry(path: str, file: dict) -> dict:
        lfs = {"lfs": {"oid": file["oid"], "size": file["size"], "pointerSize": 134}} if file["lfs"] else {}
        return {"type": "file", "path": path, "size": file["size"], "oid": file["oid"]} | lfs

    def _tree(self, request: Request) -> Response:
        files = self._open(request).files(request.path_params["revision"])
        folder = request.path_params.get("path", "")
        inside = {path: file for path, file in files.items() if not folder or path.startswith(folder + "/")}
        if folder and not inside:
            raise RefusalError(404, f"{folder} does not exist", "EntryNotFound")
        entries, folders = [], set()
        for path, file in inside.items():
            parents = [str(parent) for parent in Path(path).parents if str(parent) not in (".", folder)]
            folders |= {parent for parent in parents if parent.startswith(folder)}
            if not parents or request.query_params.get("recursive", "").lower() == "true":
                entries.append(self._entry(path, file))
        return JSONResponse(entries + [{"type": "directory", "path": path, "oid": "0" * 40} for path in folders])

    def _paths_info(self, request: Request) -> Response:
        files = self._open(request).files(request.path_params["revision"])
        wanted = json.loads(request.state.body)["paths"]
        folders = [path for path in wanted if any(file.startswith(path + "/") for file in files)]
        return JSONResponse(
            [self._entry(path, files[path]) for path in wanted if path in files]
            + [{"type": "directory", "path": path, "oid": "0" * 40} for path in folders]
        )

    def _refs(self, request: Request) -> Response:
        state = self._open(request).state

        def described(kind: str) -> list[dict[str, str]]:
            refs = state[kind].items()
            return [{"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": sha} for name, sha in refs]

        return JSONResponse({"branches": described("branches"), "tags": described("tags"), "converts": []})

    def _commits(self, request: Request) -> Response:
        repo = self._open(request)
        return JSONResponse(
            [
                {
                    "id": sha,
                    "title": repo.state["commits"][sha]["title"],
                    "message": "",
                    "authors": [],
                    "date": "2026-01-01T00:00:00.000Z",
                }
                for sha in repo.history(request.path_params["revision"])
            ]
        )

    def _branch(self, request: Request) -> Response:
        repo, branch = self._open(request, write=True), request.path_params["branch"]
        if branch in repo.state["branches"]:
            raise RefusalError(409, "Reference already exists")
        repo.state["branches"][branch] = repo.resolve(json.loads(request.state.body).get("startingPoint", "main"))
        repo.save()
        return JSONResponse({})

    def _tag(self, request: Request) -> Response:
        repo, tag = self._open(request, write=True), json.loads(request.state.body)["tag"]
        if tag in repo.state["tags"]:
            raise RefusalError(409, "Tag reference exists already")
        repo.state["tags"][tag] = repo.resolve(request.path_params["revision"])
        repo.save()
        return JSONResponse({})

    def _preupload(self, request: Request) -> Response:
        present = self._open(request, write=True).files(request.path_params["revision"])
        answers = []
        for file in json.loads(request.state.body)["files"]:
            mode = "lfs" if Path(file["path"]).suffix in LFS_SUFFIXES else "regular"
            oid = {"oid": present[file["path"]]["oid"]} if file["path"] in present else {}
            answers.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False} | oid)
        return JSONResponse({"files": answers})

    def _lfs_batch(self, request: Request) -> Response:
        repo, url = self._open(request, write=True), str(request.url)
        objects = []
        for wanted in json.loads(request.state.body)["objects"]:
            upload = {"upload": {"href": url.replace("/info/lfs/objects/batch", f"/lfs/{wanted['oid']}")}}
            stored = (repo.folder / "blobs" / wanted["oid"]).exists()
            objects.append(wanted if stored else wanted | {"actions": upload})
        return JSONResponse({"transfer": "basic", "objects": objects})

    def _lfs_put(self, request: Request) -> Response:
        # As on the real Hub, whoever knows the URL may upload: the client sends no token with the data.
        repo = self.repo(f"{request.path_params['owner']}/{request.path_params['name']}", request.path_params["kind"])
        if repo.store(request.state.body, lfs=True)["oid"] != request.path_params["oid"]:
            raise RefusalError(400, "The content does not match its hash")
        return Response()

    def _commit(self, request: Request) -> Response:
        repo, branch = self._open(request, write=True), request.path_params["revision"]
        repo.resolve(branch)
        title, added = "", {}
        for line in request.state.body.splitlines():
            key, value = (json.loads(line)[name] for name in ("key", "value"))
            if key == "header":
                title = value["summary"]
            elif key == "file":
                added[value["path"]] = repo.store(base64.b64decode(value["content"]), lfs=False)
            elif key == "lfsFile":
                if not (repo.folder / "blobs" / value["oid"]).exists():
                    raise RefusalError(400, f"The content of {value['path']} was not uploaded")
                added[value["path"]] = {"oid": value["oid"], "size": value["size"], "lfs": True}
            else:
                raise RefusalError(400, f"Not served here: {key}")
        sha = repo.commit(branch, title, added)
        url = str(request.url).replace("/api/models/", "/").replace("/api/", "/").rsplit("/", 1)[0]
        return JSONResponse({"commitUrl": f"{url}/{sha}", "commitOid": sha})

    def _variables(self, request: Request) -> Response:
        repo = self._open(request, write=True)
        if request.state.body:
            variable = json.loads(request.state.body)
            repo.state["variables"][variable["key"]] = {"value": variable["value"]}
            repo.save()
        return JSONResponse({key: {"key": key} | value for key, value in repo.state["variables"].items()})

    def _file(self, request: Request) -> Response:
        repo, path = self._open(request), request.path_params["path"]
        sha = repo.resolve(request.path_params["revision"])
        file = repo.files(sha).get(path)
        if file is None:
            raise RefusalError(404, "Entry not found", "EntryNotFound")
        content = (repo.folder / "blobs" / file["oid"]).read_bytes()
        headers = {"X-Repo-Commit": sha, "ETag": f'"{file["oid"]}"', "Accept-Ranges": "bytes"}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if asked:
            first, last = int(asked[1]), int(asked[2] or len(content) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            return Response(content[first : last + 1], 206, headers)
        return Response(content, headers=headers)
