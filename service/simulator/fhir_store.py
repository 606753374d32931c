"""The simulator's own access to a FHIR server: like an EHR, it reads patients there and files orders."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct, field

from cards.record.decoding import NO_JSON
from service.errors import ServiceError
from service.fhir.address import Address, read_address, without_secrets
from service.fhir.transport import AnswerError, Budget, HttpClient
from service.simulator.elements import objects, text

Json = dict[str, Any]

_WITH_BODY = {"Content-Type": "application/fhir+json", "Prefer": "return=representation"}
_TIMEOUT = 15  # seconds; a sandbox that has just started is slow
_MOST_PAGES = 50
_CREATED = 201
_GONE = frozenset({404, 410})
_OVERTAKEN = frozenset({404, 409, 410, 412})  # how servers answer a change to a version that no longer exists
_OF_SERVER = frozenset({"versionId", "lastUpdated"})
_KINDS = (
    "Condition",
    "Observation",
    "DiagnosticReport",
    "ServiceRequest",
    "DeviceRequest",
    "Device",
    "Procedure",
    "MedicationRequest",
    "MedicationStatement",
    "AllergyIntolerance",
    "Encounter",
)
_WRITABLE = frozenset({*_KINDS, "Communication"})
_URI = "urn:ietf:rfc:3986"  # the system of identifiers that are URIs
_VERSION = re.compile(r"[A-Za-z0-9.-]{1,64}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class StoreError(ServiceError):
    """The FHIR server did not do what it was asked to; the message says what it did instead.

    `status` is the HTTP status if that was the reason, otherwise 0.
    """

    def __init__(self, why: str, status: int = 0) -> None:
        super().__init__(why)
        self.status = status


class OvertakenError(StoreError):
    """The resource is no longer as it was when read: somebody has changed or removed it. Nothing was written."""


class Opened(Struct):
    """A patient's resources, and, by resource type, why some could not be read."""

    records: list[Json]
    faults: dict[str, str] = field(default_factory=dict)


class FhirStore:
    """One FHIR server, for one request to the simulator. Raises StoreError if its address is not allowed."""

    def __init__(self, base: str, allowed: Callable[[str], bool], http: HttpClient) -> None:
        address = read_address(base)
        if address is None or not allowed(base):
            raise StoreError(f"this service may not contact {without_secrets(base)}: allow it with --allow-fhir-server")
        self._address: Address = address
        self.base = address.url
        self._http = http
        self._budget = Budget()

    def patients(self, name: str = "") -> list[Json]:
        """The first hundred patients, or the first hundred with this name. Raises StoreError."""
        named = f"&name={quote(name, safe='')}" if name else ""
        bundle = self._ask("GET", self._url(f"Patient?_count=100{named}"))
        return [entry["resource"] for entry in objects(bundle.get("entry")) if _is(entry.get("resource"), "Patient")]

    def practitioner(self) -> str:
        """A reference to a practitioner on the server; empty if there is none."""
        try:
            entries = objects(self._ask("GET", self._url("Practitioner?_count=1")).get("entry"))
        except StoreError:
            return ""
        staff = [entry["resource"] for entry in entries if _is(entry.get("resource"), "Practitioner")]
        return f"Practitioner/{staff[0]['id']}" if staff and staff[0].get("id") else ""

    def open(self, patient: str) -> Opened:
        """The records of a patient. Raises StoreError if the patient cannot be read."""
        opened = Opened([self._ask("GET", self._url(f"Patient/{quote(patient, safe='')}"))])
        for kind in _KINDS:
            try:
                opened.records += self._search(f"{kind}?patient={quote(patient, safe='')}&_count=200", kind)
            except StoreError as error:
                opened.faults[kind] = str(error)
        return opened

    def write(self, method: str, resource: Json, version: str = "") -> Json:
        """File a resource (POST, PUT) or remove it (DELETE), and return what the server stored. Raises StoreError.

        A new resource is sent without its temporary id, which becomes an identifier. The server assigns an id, and does
        not store the resource twice if it is sent again because the answer was lost. `version` is the version that was
        read, if the server counts versions; no other is replaced or removed. Raises OvertakenError if there is another.
        """
        kind, identity = str(resource.get("resourceType")), quote(str(resource.get("id", "")), safe="")
        if kind not in _WRITABLE or method not in ("POST", "PUT", "DELETE"):
            raise StoreError(f"the simulator does not {method} {kind}")
        sent = _without_version(resource)
        if method == "POST":
            return self._create(kind, sent)
        known = version if _VERSION.fullmatch(version) else ""
        stored = self._change(method, self._url(f"{kind}/{identity}"), sent, known)
        return resource if method == "DELETE" else stored

    def _create(self, kind: str, resource: Json) -> Json:
        temporary = text(resource.get("id")).lower()
        created = {name: value for name, value in resource.items() if name != "id"}
        if not _UUID.fullmatch(temporary):
            return self._ask("POST", self._url(kind), created)
        known = {"system": _URI, "value": f"urn:uuid:{temporary}"}
        created["identifier"] = [*objects(resource.get("identifier") or []), known]
        once = {"If-None-Exist": f"identifier={_URI}|{known['value']}"}
        status, stored = self._reply("POST", self._url(kind), created, once)
        if status == _CREATED or _holds(stored, created):
            return stored
        # An earlier attempt was stored, and the resource has changed since, for example from routine to stat.
        again = {**created, "id": stored.get("id")}
        return self._change("PUT", self._url(f"{kind}/{stored.get('id')}"), again, _version(stored))

    def _change(self, method: str, url: str, resource: Json, version: str) -> Json:
        """Replace or remove a resource; if its version is known, only that version."""
        body = resource if method == "PUT" else None
        try:
            return self._reply(method, url, body, {"If-Match": f'W/"{version}"'} if version else {})[1]
        except StoreError as error:
            if not version or error.status not in _OVERTAKEN:
                raise
            return self._overtaken(url, body, version, error)

    def _overtaken(self, url: str, body: Json | None, version: str, error: StoreError) -> Json:
        """The stored resource if it is as asked for: an earlier attempt succeeded, and its answer was lost."""
        try:
            there = self._ask("GET", url)
        except StoreError as unread:
            if body is None and unread.status in _GONE:
                return {}
            if unread.status in _GONE:
                raise OvertakenError("somebody removed it after this chart was opened") from None
            raise error from None
        if body is not None and _holds(there, body):
            return there
        if _version(there) == version:  # it was refused for another reason, such as records that refer to it
            raise error
        raise OvertakenError("somebody changed it after this chart was opened")

    def _search(self, query: str, kind: str) -> list[Json]:
        matches: list[Json] = []
        url: str | None = self._url(query)
        for _ in range(_MOST_PAGES):
            bundle = self._ask("GET", url or "")
            matches += [entry["resource"] for entry in objects(bundle.get("entry")) if _is(entry.get("resource"), kind)]
            onward = [link.get("url") for link in objects(bundle.get("link")) if link.get("relation") == "next"]
            if not onward:
                return matches
            url = self._url(str(onward[0]))
        raise StoreError(f"more than {_MOST_PAGES} pages")

    def _url(self, link: str) -> str:
        url = self._address.below(link)
        if url is None:
            raise StoreError("the link leads to another address than the FHIR server's")
        return url

    def _ask(self, method: str, url: str, body: Json | None = None) -> Json:
        return self._reply(method, url, body)[1]

    def _reply(
        self, method: str, url: str, body: Json | None = None, more: Mapping[str, str] = _NO_HEADERS
    ) -> tuple[int, Json]:
        """The status and the resource of the answer. Removing what is already gone succeeds. Raises StoreError."""
        headers = {**(_WITH_BODY if body is not None else {}), **more}
        content = msgspec.json.encode(body) if body is not None else None
        try:
            reply = self._http.call(method, url, _TIMEOUT, self._budget, headers=headers, body=content)
            if not 200 <= reply.status < 300 and not (method == "DELETE" and reply.status in _GONE):
                raise StoreError(f"the FHIR server answered {reply.status} to {method} {url}", reply.status)
            answer = msgspec.json.decode(reply.body) if method != "DELETE" else {}
        except AnswerError as error:
            raise StoreError(str(error)) from None
        except NO_JSON:
            raise StoreError("the FHIR server answered with something other than JSON") from None
        if not isinstance(answer, dict):
            raise StoreError("the FHIR server answered with something other than a resource")
        return reply.status, answer


def _is(resource: Any, kind: str) -> bool:
    return isinstance(resource, dict) and resource.get("resourceType") == kind


def _version(resource: Json) -> str:
    meta = resource.get("meta")
    return text(meta.get("versionId")) if isinstance(meta, dict) else ""


def _without_version(resource: Json) -> Json:
    """The resource without the parts of `meta` that only the server sets."""
    meta = resource.get("meta")
    if not isinstance(meta, dict):
        return resource
    kept = {name: value for name, value in meta.items() if name not in _OF_SERVER}
    return {**resource, "meta": kept} if kept else {name: value for name, value in resource.items() if name != "meta"}


def _holds(stored: Json, asked: Json) -> bool:
    """Whether everything that was asked for is stored; `meta` is not compared."""
    return all(stored.get(name) == value for name, value in asked.items() if name != "meta")
