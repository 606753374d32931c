"""A FHIR server on loopback for the tests: searches, reads, pages, and misbehaves on demand.

    with FhirServer([condition, patient], token="secret") as server:
        server.misbehave("Observation", status=503)
        ...ask server.base...
        server.asked("Condition")   # the requests that came for Conditions

It honours `patient`, `code` (bare or system|code, comma-separated) and `_count` with `next` links.
"""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

Json = dict[str, Any]
FHIR_JSON = "application/fhir+json"


@dataclass(frozen=True)
class Manner:
    """How the server answers for one resource type; the default is: well."""

    status: int = 200  # any other: that status, with an OperationOutcome
    html: bool = False  # a web page, with status 200
    body: bytes | None = None  # these bytes instead of FHIR
    outcome: str = ""  # an OperationOutcome of this severity instead of FHIR
    warning: str = ""  # one of this severity among the entries
    delay: float = 0.0  # seconds before the answer
    later_delay: float = 0.0  # seconds before every page but the first
    drip: float = 0.0  # seconds between two bytes of the body
    drip_headers: float = 0.0  # seconds between two bytes of the headers
    redirect: str = ""  # 302 to there
    next: str = ""  # this link instead of the right next one, on every page
    expired: bool = False  # every page but the first answers 410
    endless: bool = False  # there is always a next page
    circle: bool = False  # every page names itself as the next
    huge: int = 0  # so many bytes
    bomb: int = 0  # so many bytes, once they are decompressed
    cut: bool = False  # half of the body, then the connection is closed
    refuse_post: int = 0  # this status for POST _search


@dataclass(frozen=True)
class Request:
    """What came: `query` holds the parameters of the URL or of the form."""

    method: str
    path: str
    kind: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]


@dataclass
class _Page:
    kind: str
    found: list[Json]
    count: int
    number: int = 1


@dataclass
class _Answer:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": FHIR_JSON})


class FhirServer:
    """The server; it listens inside of its `with` block."""

    def __init__(self, resources: Iterable[Json] = (), token: str | None = None) -> None:
        self.resources = list(resources)
        self.token = token
        self.requests: list[Request] = []
        self.most_at_once = 0
        self._manners: dict[str, Manner] = {}
        self._pages: dict[str, _Page] = {}
        self._lock = threading.Lock()
        self._under_way = 0
        self._meeting: threading.Barrier | None = None
        self._closing = threading.Event()
        self._http = _Listener(self)
        self.base = f"http://127.0.0.1:{self._http.server_address[1]}/fhir"

    def __enter__(self) -> FhirServer:
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.005,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        if self._meeting is not None:
            self._meeting.abort()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def misbehave(self, kind: str, **manner: Any) -> None:
        """From now on answer for this resource type in this manner (see Manner)."""
        self._manners[kind] = replace(self._manners.get(kind, Manner()), **manner)

    def meet(self, number: int) -> None:
        """Answer nothing until so many requests are under way at once (or five seconds are over)."""
        self._meeting = threading.Barrier(number)

    def asked(self, kind: str) -> list[Request]:
        """The requests that came for this resource type, pages of it included."""
        return [request for request in self.requests if request.kind == kind]

    def manner(self, kind: str) -> Manner:
        """How the server answers for this resource type."""
        return self._manners.get(kind, Manner())

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than the server listens."""
        if seconds:
            self._closing.wait(seconds)

    @contextmanager
    def counted(self, request: Request) -> Any:
        """Note a request, and how many are under way at once."""
        with self._lock:
            self.requests.append(request)
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
        if self._meeting is not None:
            with suppress(threading.BrokenBarrierError):
                self._meeting.wait(5)
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1

    def kind_of(self, path: str, query: Mapping[str, list[str]]) -> str:
        """The resource type that a request is for."""
        page = self._pages.get(query.get("_page", [""])[0])
        return page.kind if page else path.removeprefix("/fhir").strip("/").partition("/")[0]

    def answer(self, request: Request) -> _Answer:
        """The answer to a request, as the manner of its resource type has it."""
        manner = self.manner(request.kind)
        if self.token is not None and request.headers.get("Authorization") != f"Bearer {self.token}":
            return _outcome(401)
        if request.method == "POST" and manner.refuse_post:
            return _outcome(manner.refuse_post)
        if manner.redirect:
            return _Answer(302, headers={"Location": manner.redirect})
        if manner.status != 200:
            return _outcome(manner.status)
        return _spoilt(manner) or self._honest(request, manner)

    def _honest(self, request: Request, manner: Manner) -> _Answer:
        path = request.path.removeprefix("/fhir").strip("/").removesuffix("/_search")
        if "_page" in request.query:
            page = self._pages.pop(request.query["_page"][0], None)
            return self._page(page, manner) if page and not manner.expired else _outcome(410)
        if "/" in path:
            kind, identity = path.split("/")[:2]
            found = [r for r in self.resources if (r["resourceType"], r.get("id")) == (kind, identity)]
            return _Answer(body=json.dumps(found[0]).encode()) if found else _outcome(404)
        found = [r for r in self.resources if r["resourceType"] == path and _matches(r, request.query)]
        return self._page(_Page(path, found, int(request.query.get("_count", ["100"])[0])), manner)

    def _page(self, page: _Page, manner: Manner) -> _Answer:
        self.pause(manner.later_delay if page.number > 1 else 0)
        bundle: Json = {"resourceType": "Bundle", "type": "searchset", "link": []}
        bundle["entry"] = [{"resource": resource} for resource in page.found[: page.count]]
        if manner.warning:
            outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": manner.warning}]}
            bundle["entry"].append({"resource": outcome, "search": {"mode": "outcome"}})
        rest = page.found if manner.endless else page.found[page.count :]
        if rest or manner.next or manner.circle:
            number = 1 if manner.circle else page.number + 1
            token = "circle" if manner.circle else str(uuid4())
            self._pages[token] = _Page(page.kind, page.found if manner.circle else rest, page.count, number)
            url = manner.next or f"{self.base}?_page={token}"
            bundle["link"].append({"relation": "next", "url": url})
        return _Answer(body=json.dumps(bundle).encode())


def _matches(resource: Json, query: Mapping[str, list[str]]) -> bool:
    subject = resource.get("subject") or resource.get("patient") or {}
    patient = query.get("patient", [""])[0]
    if patient and subject.get("reference") != f"Patient/{patient.removeprefix('Patient/')}":
        return False
    wanted = [code for codes in query.get("code", []) for code in codes.split(",")]
    code = resource.get("code")
    codings = code.get("coding", []) if isinstance(code, dict) else []
    return not wanted or any(
        token in (coding.get("code"), f"{coding.get('system')}|{coding.get('code')}")
        for coding in codings
        for token in wanted
    )


def _outcome(status: int, severity: str = "error") -> _Answer:
    issue = {"severity": severity, "code": "processing"}
    return _Answer(status, json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode())


def _spoilt(manner: Manner) -> _Answer | None:
    if manner.outcome:
        return _outcome(200, manner.outcome)
    if manner.html:
        return _Answer(body=b"<!DOCTYPE html><p>Sign in</p>", headers={"Content-Type": "text/html"})
    if manner.body is not None:
        return _Answer(body=manner.body)
    if manner.huge:
        return _Answer(body=b'{"resourceType": "Bundle"}' + b" " * manner.huge)
    if manner.bomb:
        packed = gzip.compress(b'{"resourceType": "Bundle"}' + b" " * manner.bomb)
        return _Answer(body=packed, headers={"Content-Type": FHIR_JSON, "Content-Encoding": "gzip"})
    return None


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, server: FhirServer) -> None:
        self.fhir = server
        super().__init__(("127.0.0.1", 0), _Connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no fault of the server's."""


class _Connection(BaseHTTPRequestHandler):
    server: _Listener
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 10

    def log_message(self, *_: object) -> None:
        """The record is `FhirServer.requests`."""

    def do_GET(self) -> None:
        self._answer(urlsplit(self.path).query)

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

    def _answer(self, parameters: str) -> None:
        fhir, path = self.server.fhir, urlsplit(self.path).path
        query = parse_qs(parameters)
        request = Request(self.command, path, fhir.kind_of(path, query), query, dict(self.headers))
        manner = fhir.manner(request.kind)
        with fhir.counted(request):
            answer = fhir.answer(request)
            fhir.pause(manner.delay)
        with suppress(OSError):
            self._send(answer, manner)

    def _send(self, answer: _Answer, manner: Manner) -> None:
        head = [f"HTTP/1.1 {answer.status} Answer", f"Content-Length: {len(answer.body)}"]
        head += [f"{name}: {value}" for name, value in answer.headers.items()]
        head += ["Set-Cookie: session=of-another-patient; Path=/", "", ""]
        self._drip("\r\n".join(head).encode(), manner.drip_headers)
        body = answer.body[: len(answer.body) // 2] if manner.cut else answer.body
        self._drip(body, manner.drip)
        self.close_connection = manner.cut

    def _drip(self, data: bytes, pause: float) -> None:
        for part in (data[i : i + 1] for i in range(len(data))) if pause else (data,):
            self.wfile.write(part)
            self.server.fhir.pause(pause)
