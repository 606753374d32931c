"""What is remembered of rules in shadow is exactly what live would have shown: for drawn patients, over HTTP."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cards.rule_book import rule_book
from service.modes.quiet import Change, Mode
from service.modes.table import write
from service.store.database import Database, place
from tests.support.charts import Patient, fixed, patients
from tests.support.drawn import asked
from tests.support.signing import PUBLIC_URL, token
from tests.support.site import Site, site

Row = tuple[Any, ...]
KEY = f'hash_key = "{"k" * 32}"'  # one for all, so that their fingerprints can be compared
UNSIGNED = f"{KEY}\nallow_unsigned = false"
HALF = frozenset(Random(4).sample(sorted(rule_book().rules), len(rule_book().rules) // 2))


def post(running: Site, request: dict[str, Any]) -> None:
    """Ask one of them."""
    path = f"/cds-services/foot-drop-{request['hook']}"
    assert running.post(token(aud=f"{PUBLIC_URL}{path}"), request, path=path).status_code == 200


def kept(folder: Path, *, shown: bool, rules: frozenset[str] | None = None) -> list[list[Row]]:
    """The cards of each answer, in the order of the answers and as they were sent, but for their uuids."""
    sql = """
    SELECT evaluations.id, rule, version, indicator, fingerprint, evidence, cards.suggestions
    FROM evaluations LEFT JOIN cards ON cards.evaluation = evaluations.id AND shown = ? ORDER BY evaluations.id
    """
    with closing(sqlite3.connect(folder / "data" / "store.sqlite")) as file:
        rows = file.execute(sql, (shown,)).fetchall()
    answers: dict[str, list[Row]] = {}
    for identity, *card, suggestions in rows:
        those = answers.setdefault(identity, [])
        if card[0] is not None and (rules is None or card[0] in rules):
            labels = [(one["label"], one.get("recommended")) for one in json.loads(suggestions)]
            those.append((*card, labels))
    return [sorted(cards, key=repr) for cards in answers.values()]


def in_shadow(running: Site, rules: Sequence[str]) -> None:
    """Put rules into shadow, for the client."""
    database = Database(place(running.settings.store_address, running.settings.data_dir))
    for number, rule in enumerate(rules):
        write(database, Change(rule=rule, client="main", mode=Mode.SHADOW, who="A. Clinician", at=number))


def test_shadow_equals_live(tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("live", "unsigned", "half")}
    with ExitStack() as opened:
        for folder in folders.values():
            folder.mkdir()
        sites = {
            name: opened.enter_context(site(folder, of_service=UNSIGNED if name == "unsigned" else KEY))
            for name, folder in folders.items()
        }
        in_shadow(sites["half"], sorted(HALF))

        @fixed(200)
        @given(patients(), st.none() | st.integers(0, 1000))
        def ask_all(patient: Patient, encoding: int | None) -> None:
            request = asked(patient.facts, patient.hook, encoding)
            for running in sites.values():
                post(running, request)

        ask_all()
    live = kept(folders["live"], shown=True)
    assert any(live)
    assert kept(folders["live"], shown=False) == [[] for _ in live]
    assert kept(folders["unsigned"], shown=False) == live
    assert kept(folders["unsigned"], shown=True) == [[] for _ in live]
    assert kept(folders["half"], shown=False) == kept(folders["live"], shown=True, rules=HALF)
