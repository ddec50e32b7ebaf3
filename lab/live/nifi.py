"""NiFi's REST interface: https://nifi.apache.org/nifi-docs/rest-api.html"""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lakelab.errors import LabError

SECONDS = 60.0  # for one answer
HEAVY = 300.0  # for an answer that waits for processes of Python: making a group of many processors
PATIENCE = 180.0  # for what NiFi does beside: changing a flow, looking through the provenance
PAUSE = 0.25
TELL = 15.0  # between lines that say what is waited for
LOG = "read `lab stack logs nifi`"
NEW = {"version": 0}  # revision of what is being made

Json = dict[str, Any]


class Nifi:
    """A NiFi by its address: by a client certificate inside the network, by a login through Nginx."""

    def __init__(self, url: str, context: ssl.SSLContext, login: tuple[str, str] | None = None) -> None:
        self.tell: Callable[[str], object] = lambda _: None  # is told what is waited for, now and then
        self.url = url.rstrip("/")
        handlers = urllib.request.HTTPSHandler(context=context), urllib.request.ProxyHandler({})
        self._opener = urllib.request.build_opener(*handlers)
        self._headers = {"Accept": "application/json"}
        if login:
            self._headers["Authorization"] = "Basic " + base64.b64encode(":".join(login).encode()).decode()

    @classmethod
    def by_certificate(cls, url: str, folder: Path) -> Nifi:
        """With admin.crt and admin.key of a folder, and ca.crt to know NiFi by."""
        try:
            context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
            context.load_cert_chain(folder / "admin.crt", folder / "admin.key")
        except OSError as error:
            raise LabError(f"no certificate for NiFi: {error.strerror}", where=str(folder), fix="`make up`") from None
        return cls(url, context)

    def get(self, path: str) -> Json:
        return self.call("GET", path)

    def call(self, method: str, path: str, body: Any = None, seconds: float = SECONDS) -> Json:
        """The answer's object. LabError with what NiFi says when it refuses, Late when it takes longer than that."""
        request = urllib.request.Request(f"{self.url}/nifi-api{path}", method=method, headers=self._headers)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with self._opener.open(request, timeout=seconds) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            said = " ".join(error.read().decode(errors="replace").split())[:500]
            where = f"{method} {path}"
            raise (
                NotThere(said, where=where)
                if error.code == 404
                else LabError(f"NiFi refuses ({error.code}): {said}", where=where)
            ) from None
        except OSError as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise Late(f"no answer within {seconds:.0f} s", where=f"{method} {path}", fix=LOG) from None
            raise LabError(
                f"NiFi does not answer: {reason}", where=self.url, fix="`make up NIFI=1`; see `make status`"
            ) from None
        return dict(json.loads(text)) if text.startswith(b"{") else {}

    def wait(self, check: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
        """The first true value of `check`, told of every 15 s. Late says what was awaited in vain."""
        began = told = time.monotonic()
        while True:
            found = check()
            if found:
                return found
            now = time.monotonic()
            if now - began > seconds:
                raise Late(f"waited {seconds:.0f} s in vain for {what}", where=self.url, fix=LOG)
            if now - told > TELL:
                told = now
                self.tell(f"waiting for {what}, {now - began:.0f} s of {seconds:.0f}")
            time.sleep(PAUSE)

    def request(self, path: str, body: Json, of: str, seconds: float = PATIENCE) -> Json:
        """Something that takes NiFi a while: ask for it, wait, tidy up. of: where its state is in the answer."""
        there = path.rpartition("/")[0] if path.endswith("-requests") else path
        asked = self.call("POST", path, body)
        identifier = asked[of].get("requestId") or asked[of].get("id")
        at = _place_of(path, identifier)
        try:
            done = self.wait(lambda: _finished(self.get(at)[of]), f"{there} of NiFi", seconds)
        finally:
            with contextlib.suppress(LabError):  # it is forgotten by itself after a while
                self.call("DELETE", at)
        if done.get("failureReason"):
            raise LabError(f"NiFi could not: {done['failureReason']}", where=path)
        return dict(done)

    @property
    def root(self) -> str:
        """The id of the canvas."""
        return str(self.get("/flow/process-groups/root")["processGroupFlow"]["id"])

    def groups(self) -> dict[str, Json]:
        """The groups on the canvas by name."""
        found = self.get(f"/process-groups/{self.root}/process-groups")["processGroups"]
        return {group["component"]["name"]: group for group in found}

    def processors(self, group: str) -> dict[str, Json]:
        """The processors of a group, by name."""
        return {p["component"]["name"]: p for p in self.get(f"/process-groups/{group}/processors")["processors"]}

    def queued(self, group: str) -> int:
        """How many flow files wait in the queues of a group."""
        status = self.get(f"/flow/process-groups/{group}/status")["processGroupStatus"]
        return int(status["aggregateSnapshot"]["flowFilesQueued"])

    def run(self, processor: Json, state: str) -> None:
        """RUNNING or STOPPED."""
        at = f"/processors/{processor['id']}"
        revision = self.get(at)["revision"]
        self.call("PUT", f"{at}/run-status", {"revision": revision, "state": state})
        self.wait(lambda: self.get(at)["status"]["runStatus"].upper() == state, f"{processor['id']} {state.lower()}")


class NotThere(LabError):
    """NiFi knows nothing at that path."""


class Late(LabError):
    """It took longer than it may."""


def _place_of(path: str, identifier: str) -> str:
    """Where the state of a request is: replacing a group is asked of the group, and told apart from it."""
    if path.endswith("/replace-requests"):
        return f"/process-groups/replace-requests/{identifier}"
    return f"{path}/{identifier}"


def _finished(state: Json) -> Json | None:
    return state if state.get("complete") or state.get("finished") else None
