"""A FHIR server that accepts writes: it creates once per identifier, replaces and removes, and may lose its answer.

with FilingServer(records) as server:   # `versions=409`: it counts versions, and so refuses to change another
    server.after = 500          # from now on a write is done, and answered 500
    server.before = 503         # from now on nothing is written, and 503 is answered
    server.of("ServiceRequest")
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import urlsplit

from tests.support.fhir_server import FHIR_JSON, FhirServer, Json
from tests.support.http_server import Asked, HangUp, Reply

_WRITES = ("PUT", "DELETE")


class FilingServer(FhirServer):
    """The server; `before` and `after` are a status, 0 for none, or -1 for a connection that is closed."""

    def __init__(self, resources: Iterable[Json] = (), versions: int = 0) -> None:
        super().__init__(resources)
        self.versions = versions
        if versions:
            self.resources = [{**one, "meta": {"versionId": "1"}} for one in self.resources]
        self.before = 0
        self.after = 0
        self.written: list[str] = []

    def of(self, kind: str) -> list[Json]:
        """The stored resources of a type."""
        return [one for one in self.resources if one["resourceType"] == kind]

    def _serve(self, asked: Asked) -> Reply:
        path = urlsplit(asked.target).path.removeprefix("/fhir/")
        if asked.method not in _WRITES and (asked.method != "POST" or "_search" in path):
            return super()._serve(asked)
        if self.before:
            return self._failed(self.before)
        self.written.append(f"{asked.method} {path}")
        reply = self._write(asked, path)
        return self._failed(self.after) if self.after else reply

    def _failed(self, status: int) -> Reply:
        if status < 0:
            raise HangUp
        return Reply(status, {"Content-Type": FHIR_JSON}, b'{"resourceType": "OperationOutcome", "issue": []}')

    def _write(self, asked: Asked, path: str) -> Reply:
        kind, _, identity = path.partition("/")
        stored = next((one for one in self.of(kind) if one.get("id") == identity), None)
        if self.versions and self._is_overtaken(asked, stored):
            return self._failed(self.versions)
        if asked.method == "DELETE":
            if stored is None:
                return self._failed(404)
            self.resources.remove(stored)
            return Reply(204)
        resource = json.loads(asked.body)
        if asked.method == "POST":
            return self._create(asked, kind, resource)
        if stored is not None:
            self.resources.remove(stored)
        return self._store(resource, 200, stored)

    def change(self, resource: Json) -> None:
        """Replace a resource, as another client of the server does."""
        path = f"{resource['resourceType']}/{resource['id']}"
        self._write(Asked("PUT", f"/fhir/{path}", {}, json.dumps(resource).encode()), path)

    def _is_overtaken(self, asked: Asked, stored: Json | None) -> bool:
        wanted = asked.headers.get("If-Match")
        return wanted is not None and (stored is None or wanted != f'W/"{stored["meta"]["versionId"]}"')

    def _create(self, asked: Asked, kind: str, resource: Json) -> Reply:
        wanted = asked.headers.get("If-None-Exist", "").removeprefix("identifier=").split("|")[-1]
        for one in self.of(kind) if wanted else ():
            if wanted in [identifier.get("value") for identifier in one.get("identifier", [])]:
                return self._said(one, 200)
        return self._store({**resource, "id": f"filed-{len(self.written)}"}, 201)

    def _store(self, resource: Json, status: int, before: Json | None = None) -> Reply:
        if self.versions:
            number = int(before["meta"]["versionId"]) + 1 if before else 1
            resource = {**resource, "meta": {**resource.get("meta", {}), "versionId": str(number)}}
        self.resources.append(resource)
        return self._said(resource, status)

    def _said(self, resource: Json, status: int) -> Reply:
        return Reply(status, {"Content-Type": FHIR_JSON}, json.dumps(resource).encode())
