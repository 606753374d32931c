"""Rows of the memory, and the contents of its tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy
from sqlalchemy import URL

from service.memory.rows import Answered, Card, Evaluation, Feedback, Verdict

CLIENT = "main"
TENANT = "https://ehr.hospital.example/fhir/r4"
TENANTS = frozenset({TENANT})
AT = 1_772_445_600_000
_OF_CARD: dict[str, Any] = {
    "fingerprint": "f" * 32,
    "evidence": "[]",
    "suggestions": '[{"uuid":"s1","label":"Orthosis"}]',
}


def answered(
    name: str, verdict_set: str = "s1", at: int = AT, patient: str = "p" * 64, asker: str = "u" * 64, **changes: Any
) -> Answered:
    """An evaluation with one card, named after the evaluation, and one suggestion."""
    evaluation = Evaluation(
        id=f"evaluation-{name}",
        at=at,
        client=CLIENT,
        tenant=TENANT,
        service="foot-drop-patient-view",
        hook="patient-view",
        patient=patient,
        encounter="",
        asker=asker,
        milliseconds=4.25,
        records=5,
        unreadable=0,
        missing="reports",
        verdict_set=verdict_set,
    )
    verdicts = tuple(Verdict(verdict_set, rule, "2.0.0", "card", "") for rule in ("afo", "lumbar-mri"))
    shown: dict[str, Any] = {"uuid": f"card-{name}", "client": CLIENT, "tenant": TENANT, "rule": "afo", **changes}
    card = Card(evaluation=evaluation.id, at=at, version="2.0.0", indicator="info", **_OF_CARD, **shown)
    return Answered(evaluation, verdicts, (card,))


def event(card: str, name: str = "1", **changes: Any) -> Feedback:
    """An override of a card; the same name is the same event."""
    members: dict[str, Any] = {"client": CLIENT, "tenant": TENANT, "outcome": "overridden", **changes}
    blank = dict.fromkeys(("suggestions", "reason", "system", "display", "extension", "comment"), "")
    own = {"id": f"{card}-{name}", "at": AT, "received": AT, "service": "foot-drop-patient-view", "card": card}
    return Feedback(**{**blank, **own, **members})


def rows(url: URL, sql: str) -> list[Any]:
    """The result of a query."""
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]
    finally:
        engine.dispose()


def counts(url: URL) -> dict[str, int]:
    """How many rows each table holds."""
    tables = (Evaluation, Verdict, Card, Feedback)
    return {kind.table: rows(url, f"SELECT count(*) FROM {kind.table}")[0][0] for kind in tables}
