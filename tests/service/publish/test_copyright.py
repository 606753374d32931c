"""Whose codes a published ValueSet holds: their owners' notices stand on it, and no other."""

from __future__ import annotations

from flask.testing import FlaskClient

from cards.value_sets.systems import LOINC, RXNORM, SNOMED

OWNERS = {SNOMED: "SNOMED International", LOINC: "Regenstrief Institute", RXNORM: "U.S. National Library of Medicine"}
TERMS = {SNOMED: "licence", LOINC: "http://loinc.org/license", RXNORM: "neither endorses nor recommends"}


def test_a_value_set_names_the_owners_of_its_codes_and_no_others(client: FlaskClient) -> None:
    value_sets = [entry["resource"] for entry in client.get("/fhir/ValueSet").get_json()["entry"]]
    owned = set()
    for value_set in value_sets:
        systems = {include["system"] for include in value_set.get("compose", {}).get("include", ())}
        notice = value_set.get("copyright", "")
        for system, owner in OWNERS.items():
            assert (owner in notice) == (system in systems), (value_set["id"], owner)
            assert (TERMS[system] in notice) == (system in systems), (value_set["id"], owner)
        assert ("copyright" in value_set) == bool(systems & OWNERS.keys()), value_set["id"]
        owned |= systems & OWNERS.keys()
    assert owned == OWNERS.keys()
