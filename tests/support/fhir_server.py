"""A FHIR server on loopback for the tests: searches, reads, pages, and misbehaves on demand.

    with FhirServer([condition, patient], token="secret") as server:
        server.misbehave("Observation", status=503)
        ...ask server.base...
        server.asked_for("Condition")   # the requests that came for Conditions

It honours `patient`, `code` (bare or system|code, comma-separated) and `_count` with `next` links.
"""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from tests.support.http_server import Asked, HttpServer, Reply

Json = dict[str, Any]
FHIR_JSON = "application/fhir+json"


@dataclass(frozen=True)
class Manner:
    """How the server answers for one resource type; by default it answers well."""

    status: int = 200  # any other: that status, with an OperationOutcome
    html: bool = False  # a web page, with status 200
    body: bytes | None = None  # these bytes instead of FHIR
    outcome: str = ""  # an OperationOutcome of this severity instead of FHIR
    warning: str = ""  # one of this severity among the entries
    delay: float = 0.0  # seconds before the answer
    later_delay: float = 0.0  # seconds before every page but the first
    drip: float = 0.0  # seconds between two bytes of the body
    drip_headers: float = 0.0  # seconds between two bytes of the headers
    redirect: str = ""  # 302 to this address, or `status` if that is a redirect
    next: str = ""  # this link instead of the right next one, on every page
    expired: bool = False  # every page but the first answers 410
    endless: bool = False  # there is always a next page
    circle: bool = False  # every page names itself as the next
    huge: int = 0  # so many bytes
    bomb: int = 0  # this many bytes when decompressed
    odd_header: str = ""  # a line among the headers that is not a header
    cut: bool = False  # half of the body, then the connection is closed
    refuse_post: int = 0  # this status for POST _search


@dataclass(frozen=True)
class Request:
    """A request that came: `query` holds the parameters of the URL or of the form."""

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


class FhirServer(HttpServer):
    """The server; it listens inside its `with` block."""

    def __init__(self, resources: Iterable[Json] = (), token: str | None = None) -> None:
        super().__init__(self._serve)
        self.resources = list(resources)
        self.token = token
        self.requests: list[Request] = []
        self.most_at_once = 0
        self._manners: dict[str, Manner] = {}
        self._pages: dict[str, _Page] = {}
        self._lock = threading.Lock()
        self._under_way = 0
        self._meeting: threading.Barrier | None = None

    def __exit__(self, *_: object) -> None:
        if self._meeting is not None:
            self._meeting.abort()
        super().__exit__()

    def misbehave(self, kind: str, **manner: Any) -> None:
        """From now on, answer for this resource type in this manner (see Manner)."""
        self._manners[kind] = replace(self._manners.get(kind, Manner()), **manner)

    def behave(self) -> None:
        """From now on, answer well."""
        self._manners.clear()

    def meet(self, number: int) -> None:
        """Answer nothing until this many requests are under way at once (or five seconds have passed)."""
        self._meeting = threading.Barrier(number)

    def asked_for(self, kind: str) -> list[Request]:
        """The requests that came for this resource type, pages of it included."""
        return [request for request in self.requests if request.kind == kind]

    def _serve(self, asked: Asked) -> Reply:
        address = urlsplit(asked.target)
        query = parse_qs(asked.body.decode() if asked.method == "POST" else address.query)
        request = Request(asked.method, address.path, self._kind_of(address.path, query), query, asked.headers)
        manner = self._manners.get(request.kind, Manner())
        with self._counted(request):
            reply = self._answer(request, manner)
            self.pause(manner.delay)
        cookie = {"Set-Cookie": "session=of-another-patient; Path=/"}
        return replace(
            reply,
            headers={"Content-Type": FHIR_JSON} | cookie | reply.headers,
            odd_header=manner.odd_header,
            drip=manner.drip,
            drip_headers=manner.drip_headers,
            cut=manner.cut,
        )

    @contextmanager
    def _counted(self, request: Request) -> Any:
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

    def _kind_of(self, path: str, query: Mapping[str, list[str]]) -> str:
        """The resource type that a request is for."""
        page = self._pages.get(query.get("_page", [""])[0])
        return page.kind if page else path.removeprefix("/fhir").strip("/").partition("/")[0]

    def _answer(self, request: Request, manner: Manner) -> Reply:
        """The answer to a request, in the manner of its resource type."""
        if self.token is not None and request.headers.get("Authorization") != f"Bearer {self.token}":
            return _outcome(401)
        if request.method == "POST" and manner.refuse_post:
            return _outcome(manner.refuse_post)
        if manner.redirect:
            status = manner.status if 300 <= manner.status < 400 else 302
            return Reply(status, headers={"Location": manner.redirect})
        if manner.status != 200:
            return _outcome(manner.status)
        return _spoilt(manner) or self._honest(request, manner)

    def _honest(self, request: Request, manner: Manner) -> Reply:
        path = request.path.removeprefix("/fhir").strip("/").removesuffix("/_search")
        if "_page" in request.query:
            page = self._pages.pop(request.query["_page"][0], None)
            return self._page(page, manner) if page and not manner.expired else _outcome(410)
        if "/" in path:
            kind, identity = path.split("/")[:2]
            found = [r for r in self.resources if (r["resourceType"], r.get("id")) == (kind, identity)]
            return Reply(body=json.dumps(found[0]).encode()) if found else _outcome(404)
        found = [r for r in self.resources if r["resourceType"] == path and _matches(r, request.query)]
        return self._page(_Page(path, found, int(request.query.get("_count", ["100"])[0])), manner)

    def _page(self, page: _Page, manner: Manner) -> Reply:
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
        return Reply(body=json.dumps(bundle).encode())


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


def _outcome(status: int, severity: str = "error") -> Reply:
    issue = {"severity": severity, "code": "processing"}
    return Reply(status, body=json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode())


def _spoilt(manner: Manner) -> Reply | None:
    if manner.outcome:
        return _outcome(200, manner.outcome)
    if manner.html:
        return Reply(body=b"<!DOCTYPE html><p>Sign in</p>", headers={"Content-Type": "text/html"})
    if manner.body is not None:
        return Reply(body=manner.body)
    if manner.huge:
        return Reply(body=b'{"resourceType": "Bundle"}' + b" " * manner.huge)
    if manner.bomb:
        packed = gzip.compress(b'{"resourceType": "Bundle"}' + b" " * manner.bomb)
        return Reply(body=packed, headers={"Content-Encoding": "gzip"})
    return None
