"""The simulator's own way to a FHIR server: an EHR that reads its patients there and files its orders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import requests
from msgspec import Struct, field

from service.fhir.address import Address, read_address
from service.simulator.elements import each

Json = dict[str, Any]

_FHIR_JSON = "application/fhir+json"
_TIMEOUT = 15  # seconds: a sandbox that was just started is slow
_MOST_PAGES = 50
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


class StoreError(Exception):
    """The FHIR server did not do what was asked; the message says what it did."""


class Opened(Struct):
    """A patient's resources, and by resource type why some could not be read."""

    records: list[Json]
    faults: dict[str, str] = field(default_factory=dict)


class FhirStore:
    """One FHIR server. Raises StoreError for an address that may not be contacted."""

    def __init__(self, base: str, allowed: Callable[[str], bool]) -> None:
        address = read_address(base)
        if address is None or not allowed(base):
            raise StoreError(f"{base} is not a FHIR server that may be contacted: start with --allow-fhir-server")
        self._address: Address = address
        self.base = address.url

    def patients(self, name: str = "") -> list[Json]:
        """The first hundred patients, or those of a name. Raises StoreError."""
        named = f"&name={quote(name, safe='')}" if name else ""
        bundle = self._ask("GET", self._url(f"Patient?_count=100{named}"))
        return [entry["resource"] for entry in each(bundle.get("entry")) if _is(entry.get("resource"), "Patient")]

    def practitioner(self) -> str:
        """A reference to somebody who works there; empty when nobody is known."""
        try:
            entries = each(self._ask("GET", self._url("Practitioner?_count=1")).get("entry"))
        except StoreError:
            return ""
        found = [entry["resource"] for entry in entries if _is(entry.get("resource"), "Practitioner")]
        return f"Practitioner/{found[0]['id']}" if found and found[0].get("id") else ""

    def open(self, patient: str) -> Opened:
        """The record of a patient. Raises StoreError when there is no such patient."""
        opened = Opened([self._ask("GET", self._url(f"Patient/{quote(patient, safe='')}"))])
        for kind in _KINDS:
            try:
                opened.records += self._search(f"{kind}?patient={quote(patient, safe='')}&_count=200", kind)
            except StoreError as error:
                opened.faults[kind] = str(error)
        return opened

    def write(self, method: str, resource: Json) -> Json:
        """File a resource (POST, PUT) or remove it (DELETE); what the server holds now. Raises StoreError.

        A new resource leaves its temporary id behind: the server gives it one of its own.
        """
        kind, identity = str(resource.get("resourceType")), quote(str(resource.get("id", "")), safe="")
        if kind not in _WRITABLE or method not in ("POST", "PUT", "DELETE"):
            raise StoreError(f"{method} {kind} is not something that the simulator does")
        if method == "POST":
            made = {name: value for name, value in resource.items() if name != "id"}
            return self._ask("POST", self._url(kind), made)
        if method == "DELETE":
            self._ask("DELETE", self._url(f"{kind}/{identity}"))
            return resource
        return self._ask("PUT", self._url(f"{kind}/{identity}"), resource)

    def _search(self, query: str, kind: str) -> list[Json]:
        found: list[Json] = []
        url: str | None = self._url(query)
        for _ in range(_MOST_PAGES):
            bundle = self._ask("GET", url or "")
            found += [entry["resource"] for entry in each(bundle.get("entry")) if _is(entry.get("resource"), kind)]
            onward = [link.get("url") for link in each(bundle.get("link")) if link.get("relation") == "next"]
            if not onward:
                return found
            url = self._url(str(onward[0]))
        raise StoreError(f"more than {_MOST_PAGES} pages")

    def _url(self, link: str) -> str:
        url = self._address.below(link)
        if url is None:
            raise StoreError("the address leads off the FHIR server")
        return url

    def _ask(self, method: str, url: str, body: Json | None = None) -> Json:
        headers = {"Accept": _FHIR_JSON, "Cache-Control": "no-cache"}
        if body is not None:
            headers |= {"Content-Type": _FHIR_JSON, "Prefer": "return=representation"}
        try:
            reply = requests.request(method, url, json=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False)
            if not 200 <= reply.status_code < 300:
                raise StoreError(f"the FHIR server answered {reply.status_code} to {method} {url}")
            made = reply.json() if method != "DELETE" else {}
        except requests.JSONDecodeError:
            raise StoreError("the FHIR server answered with something else than JSON") from None
        except requests.RequestException as error:
            raise StoreError(f"the FHIR server cannot be reached ({type(error).__name__})") from None
        if not isinstance(made, dict):
            raise StoreError("the FHIR server answered with something else than a resource")
        return made


def _is(resource: Any, kind: str) -> bool:
    return isinstance(resource, dict) and resource.get("resourceType") == kind
