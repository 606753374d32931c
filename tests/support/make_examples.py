"""Writes fhir_examples from example_patients.toml and the cases: `python -m tests.support.make_examples [--check]`."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from msgspec.json import encode, format

from cards.record.chart import BUILT_IN_CODES
from cards.rule_book import rule_book
from service.app import evaluator
from service.examples import mask
from service.fhir.templates import templates
from service.settings import Settings
from service.wire.answer import answer
from service.wire.request import read
from tests.support import cases_of_rules, vignettes
from tests.support.example_patients import Patient, patients

Json = dict[str, Any]

ROOT = Path(__file__).parents[2] / "fhir_examples"
BASE = "https://ehr.example/fhir"

_HL7 = "http://terminology.hl7.org/CodeSystem"
_KINDS = {
    **dict.fromkeys(("map", "sbp", "dbp", "body-weight"), "vital-signs"),
    **dict.fromkeys(("egfr", "creatinine"), "laboratory"),
    "pain-nrs": "survey",
}
_REFERENCE = re.compile(r"([A-Z][A-Za-z]+)/([a-z0-9-]+)")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00")
_HALF_A_MINUTE = timedelta(seconds=30)
_IDS = {"Patient/p1": "patient", "Practitioner/d1": "practitioner", "Encounter/e1": "encounter"}
_A_MONTH = 30

_GUIDE = """# Examples

Whole synthetic patients, one for each situation that a clinician would name. All are invented. Each folder holds:

- `bundle.json`: the record, a transaction Bundle for a FHIR R4 server, whose base URL stands for BASE in
  `curl -H 'Content-Type: application/fhir+json' --data-binary @bundle.json BASE`;
- `request.json`: the CDS Hooks request about this patient, with the record as prefetch;
- `response.json`: the answer of the service, with every uuid that it creates masked.

`of_cases` holds cases of each rule as requests; the rule's page shows them and the simulator opens them.

The files are written for one moment, {now}, and their dates are right only for that moment.
`foot-drop-cds example NAME` prints a request moved to the present, ready for curl; `foot-drop-cds demo` posts all
requests in this way, and shows the cards. `python -m tests.support.make_examples` makes the files from
tests/support/example_patients.toml and from the cases of the rules that it names: change those files, not these.

| name | title | story | hook | cards |
|---|---|---|---|---|
"""


def files(rules: Collection[str] | None = None) -> dict[str, str]:
    """The text of every file of fhir_examples by its path there, without `__init__.py`.

    With `rules`, the answers hold only the cards of these.
    """
    now, all_patients = patients()
    evaluates = evaluator(Settings(dev=True), now)
    written: dict[str, str] = {}
    rows: list[str] = []
    index = [f"now = {now:%Y-%m-%dT%H:%M:%SZ}"]
    for patient in all_patients:
        name, hook = patient["name"], patient["hook"]
        bundle, request = documents(patient, now)
        asked = read(json.dumps(request).encode(), hook)
        response = mask(json.loads(answer(evaluates.evaluate(asked).decision, asked, now)))
        if rules is not None:
            response["cards"] = [card for card in response["cards"] if card["source"]["topic"]["code"] in rules]
        for part, document in (("bundle", bundle), ("request", request), ("response", response)):
            written[f"{name}/{part}.json"] = format(encode(document), indent=2).decode() + "\n"
        title, story = (json.dumps(patient[member], ensure_ascii=False) for member in ("title", "story"))
        index.append(f"\n[examples.{name}]\ntitle = {title}\nstory = {story}")
        rows.append(f"| [{name}]({name}) | {patient['title']} | {patient['story']} | {hook} | {_cards(response)} |\n")
    written |= dict(cases_of_rules.files(now))
    written["index.toml"] = "\n".join(index) + "\n"
    written["README.md"] = _GUIDE.format(now=f"{now:%Y-%m-%d %H:%M} UTC") + "".join(rows)
    return written


def _cards(response: Json) -> str:
    found = [f"{card['indicator']} {card['source']['topic']['code']}" for card in response["cards"]]
    return "<br>".join(found) or "none"


def documents(patient: Patient, now: datetime) -> tuple[Json, Json]:
    """The transaction Bundle of a patient, and the hook request about it."""
    name, hook = patient["name"], patient["hook"]
    record = _enriched(vignettes.records(patient, now), patient, now)
    asked = vignettes.request(patient, hook, now)
    asked["hookInstance"] = str(uuid5(NAMESPACE_URL, f"{BASE}/{name}"))
    for member in ("draftOrders", "conditions"):
        for entry in asked["context"].get(member, {}).get("entry", ()):
            _enrich(entry["resource"], now)
    drafts = asked["context"].get("draftOrders", {}).get("entry", ())
    for entry, fact in zip(drafts, patient.get("draftOrders", ()), strict=True):
        _divide(entry["resource"], fact.get("timesADay", 1))
    supplied = {key: _prefetched(key, record[key]) for key in templates(rule_book().read_by(hook), BUILT_IN_CODES)}
    asked["prefetch"] = {key: value for key, value in supplied.items() if value}
    everything = [one for found in record.values() for one in found]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [_put(one) for one in everything]}
    asked = _addressed(asked, name)
    asked["context"]["patientId"] = _own("Patient", "p1", name)
    if "encounterId" in asked["context"]:
        asked["context"]["encounterId"] = _own("Encounter", "e1", name)
    return _addressed(bundle, name), asked


def _put(resource: Json) -> Json:
    address = f"{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": "", "resource": resource, "request": {"method": "PUT", "url": address}}


def _prefetched(key: str, found: list[Json]) -> Json | None:
    """The result of a key's template: a searchset, or the one resource that is read."""
    if key in ("patient", "encounter"):
        return found[0] if found else None
    entries = [{"fullUrl": "", "resource": one, "search": {"mode": "match"}} for one in found]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}


# ---- Details that the vignettes leave out: names, categories, who ordered


def _enriched(record: dict[str, list[Json]], facts: Patient, now: datetime) -> dict[str, list[Json]]:
    (person,) = record["patient"]
    person["name"] = [{"use": "official", "family": facts["family"], "given": [facts["given"]]}]
    person["birthDate"] = facts["born"].isoformat()
    for encounter in record["encounter"]:
        began = now - timedelta(days=facts["encounter"].get("daysAgo", 0.05))
        encounter["period"] = {"start": began.isoformat()}
    for observation, fact in zip(record["observations"], facts.get("observations", ()), strict=False):
        observation["category"] = _category("observation", _KINDS.get(fact["code"], "exam"))
    for report, fact in zip(record["reports"], facts.get("reports", ()), strict=True):
        report["conclusion"] = fact["conclusion"]
        record["observations"] += _set_apart(report)
    for medicine, fact in zip(record["medications"], facts.get("medications", ()), strict=True):
        medicine["authoredOn"] = (now - timedelta(days=fact.get("daysAgo", _A_MONTH))).isoformat()
        medicine["dosageInstruction"] = [{"text": fact["sig"]}]
    for one in (one for found in record.values() for one in found):
        _enrich(one, now)
    practitioner = {"resourceType": "Practitioner", "id": "d1", "name": [{"family": "Example", "prefix": ["Dr"]}]}
    return {"practitioner": [practitioner], **record}


def _enrich(resource: Json, now: datetime) -> None:
    """Add what every resource of its type has in these examples."""
    kind = resource["resourceType"]
    if kind == "Condition":
        resource["category"] = _category("condition", "problem-list-item")
        began = resource.get("onsetDateTime", "")
        if began.endswith(f"T{now:%H:%M:%S}+00:00"):  # whole days ago: people remember the day, not the minute
            resource["onsetDateTime"] = began[:10]
    elif kind == "Observation":
        resource.setdefault("category", _category("observation", "exam"))
        resource["performer"] = [{"reference": "Practitioner/d1"}]
    elif kind == "AllergyIntolerance" and "clinicalStatus" not in resource:
        resource["clinicalStatus"] = {"coding": [{"system": f"{_HL7}/allergyintolerance-clinical", "code": "active"}]}
    elif kind in ("ServiceRequest", "DeviceRequest", "MedicationRequest"):
        resource.setdefault("authoredOn", now.isoformat())
        resource["requester"] = {"reference": "Practitioner/d1"}


def _divide(draft: Json, times: int) -> None:
    """Divide the day's dose of a drafted medicine into the parts in which it is taken."""
    for dosage in draft.get("dosageInstruction", ()):
        dosage["timing"]["repeat"]["frequency"] = times
        for dose in dosage["doseAndRate"]:
            dose["doseQuantity"]["value"] //= times


def _category(element: str, code: str) -> list[Json]:
    return [{"coding": [{"system": f"{_HL7}/{element}-category", "code": code}]}]


def _set_apart(report: Json) -> list[Json]:
    """The lesions of a report as separate records, as EHRs keep them."""
    lesions: list[Json] = report.pop("contained", [])
    for lesion in lesions:
        report["result"] = [{"reference": f"Observation/{lesion['id']}"}]
        lesion["category"] = _category("observation", "imaging")
        lesion["effectiveDateTime"] = report["effectiveDateTime"]
    return lesions


# ---- Ids that no other example has, and times to the minute


def _addressed(document: Any, name: str) -> Any:
    if isinstance(document, list):
        return [_addressed(each, name) for each in document]
    if isinstance(document, str):
        found = _REFERENCE.fullmatch(document)
        return f"{found[1]}/{_own(found[1], found[2], name)}" if found else _INSTANT.sub(_to_the_minute, document)
    if not isinstance(document, dict):
        return document
    made = {member: _addressed(value, name) for member, value in document.items()}
    if "resourceType" in made and "id" in made:
        made["id"] = _own(made["resourceType"], made["id"], name)
    if "fullUrl" in made:
        made["fullUrl"] = f"{BASE}/{made['resource']['resourceType']}/{made['resource']['id']}"
    return made


def _own(kind: str, identity: str, name: str) -> str:
    return f"{name}-{_IDS.get(f'{kind}/{identity}', identity)}"


def _to_the_minute(found: re.Match[str]) -> str:
    return f"{datetime.fromisoformat(found[0]) + _HALF_A_MINUTE:%Y-%m-%dT%H:%M:00Z}"


# ---- The command


def stale(written: Mapping[str, str]) -> list[str]:
    """The paths below fhir_examples whose file is missing, differs, or should not exist."""
    kept = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in ROOT.rglob("*")
        if path.suffix in (".json", ".toml", ".md")
    }
    return sorted(path for path in written.keys() | kept.keys() if written.get(path) != kept.get(path))


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or with --check name the stale ones and return 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.make_examples", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when files are stale")
    is_check = parser.parse_args(arguments).check
    written = files()
    for path in stale(written):
        if is_check:
            print(f"stale: fhir_examples/{path}")
        elif path in written:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(written[path], encoding="utf-8")
        else:
            (ROOT / path).unlink()
    return 1 if is_check and stale(written) else 0


if __name__ == "__main__":
    sys.exit(main())
