"""The facts of a vignette as a patient's FHIR R4 record, and as the CDS Hooks request that carries it."""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta
from itertools import groupby
from random import Random
from uuid import UUID

from cards.value_sets.systems import LOINC, NCIT, SNOMED
from cards.value_sets.value_set import VALUE_SETS
from tests.support.answers import answer
from tests.support.encodings import Encoding, Fact, Json, key_of
from tests.support.medicines import dose, ingredient

PREFETCH_KEYS = (
    "patient", "conditions", "observations", "reports", "orders", "deviceOrders", "devices", "procedures",
    "medications", "statements", "allergies", "encounter",
)  # fmt: skip
_READS = ("patient", "encounter")
_HL7 = "http://terminology.hl7.org/CodeSystem"
# A lesion that a report names by a disease (D62): a tumour of the spine, an infection of it.
_NAMED_BY_DISEASE = {
    "lumbar-disc-herniation": ("condition", "lumbar-disc-herniation"),
    "lumbar-stenosis": ("condition", "lumbar-stenosis"),
    "spinal-trauma-suspected": ("condition", "spinal-trauma-suspected"),
    "cancer-active": ("lesion", "spinal-tumour"),
    "spinal-infection-risk": ("lesion", "destructive"),
}
_STATUS_REASON = "http://hl7.org/fhir/StructureDefinition/request-statusReason"
_PRESSURES = ("sbp", "dbp")
_LABELLING_SILENT_ON_MRI = "C113844"
# Statuses that mean the same for every rule.
_CLINICAL = ("active", "active", "recurrence", "relapse", None)
_VERIFICATION = ("confirmed", "confirmed", "provisional", "unconfirmed", "differential", None)
_OBSERVED = ("final", "final", "amended", "corrected", "preliminary", "registered")
_REPORTED = ("final", "final", "amended", "corrected", "appended")
_TAKEN = ("MedicationRequest", "MedicationRequest", "MedicationStatement")
_APART = "Medication/substance"
_ORDERED = ("active", "active", "active", "on-hold")  # a draft answers less (D100)


def records(
    facts: Fact,
    now: datetime,
    *,
    patient_id: str = "p1",
    choose: Random | None = None,
    dates_only: bool = False,
) -> dict[str, list[Json]]:
    """The resources of each prefetch key, encoded as plainly as possible, or as ``choose`` draws."""
    return _Record(Encoding(now, patient_id, choose, dates_only)).of(facts)


def request(
    facts: Fact,
    hook: str,
    now: datetime,
    *,
    patient_id: str = "p1",
    choose: Random | None = None,
    dates_only: bool = False,
    drop: AbstractSet[str] = frozenset(),
) -> Json:
    """The request of ``hook`` about the patient, its prefetch without the keys of ``drop``."""
    record = _Record(Encoding(now, patient_id, choose, dates_only))
    prefetch = {
        key: found[0] if key in _READS else _bundle("searchset", found)
        for key, found in record.of(facts).items()
        if key not in drop and (found or key not in _READS)
    }
    return {
        "hook": hook,
        "hookInstance": str(UUID(int=choose.getrandbits(128) if choose else 0, version=4)),
        "context": record.context(facts, hook),
        "prefetch": prefetch,
    }


def _bundle(kind: str, resources: Sequence[Json]) -> Json:
    entries: list[Json] = [
        {"fullUrl": f"https://ehr.example/fhir/{one['resourceType']}/{one['id']}", "resource": one} for one in resources
    ]
    if kind == "searchset":
        for entry in entries:
            included = entry["resource"]["resourceType"] == "Medication"
            entry["search"] = {"mode": "include" if included else "match"}
    total = {"total": len(entries)} if kind == "searchset" else {}
    return {"resourceType": "Bundle", "type": kind, **total, "entry": entries}


class _Record:
    """The resources of one patient in one encoding."""

    def __init__(self, write: Encoding) -> None:
        self.write = write

    def of(self, facts: Fact) -> dict[str, list[Json]]:
        problems = facts.get("conditions", ())
        reports, lesions = self._reports(facts.get("reports", ()))
        medicines = self._each("medicine", facts.get("medications", ()), self._medicine)
        substances = _set_apart(medicines)
        found = {
            "patient": [self._patient(facts.get("patient") or {})],
            "conditions": self._each("condition", self._merged_pains(problems), self._condition),
            "observations": self._observations(facts.get("observations", ())),
            "reports": reports,
            "orders": self._each("order", facts.get("serviceRequests", ()), self._service_request),
            "deviceOrders": self._each("device-order", facts.get("deviceRequests", ()), self._device_request),
            "devices": self._each("device", facts.get("devices", ()), self._device),
            "procedures": self._each("procedure", facts.get("procedures", ()), self._procedure),
            "medications": [one for one in medicines if one["resourceType"] == "MedicationRequest"],
            "statements": [one for one in medicines if one["resourceType"] == "MedicationStatement"],
            "allergies": self._each("allergy", facts.get("allergies", ()), self._allergy),
            "encounter": [self._encounter(facts["encounter"])] if facts.get("encounter") else [],
        }
        pregnancies = [one for one in problems if one.get("gestationWeeks") is not None]
        found["observations"] += self._each("gestation", pregnancies, self._gestation) + lesions
        found[self.write.pick(("medications", "statements"))] += substances
        return {key: self.write.shuffled(resources) for key, resources in found.items()}

    def context(self, facts: Fact, hook: str) -> Json:
        context: Json = {"userId": "Practitioner/d1", "patientId": self.write.patient_id}
        if facts.get("encounter") or hook == "encounter-discharge":
            context["encounterId"] = "e1"
        if hook in ("order-select", "order-sign"):
            drafts = [self._draft(fact) for fact in facts.get("draftOrders", ())]
            context["draftOrders"] = _bundle("collection", self.write.shuffled(drafts))
            if hook == "order-select":
                context |= self._selections(facts, drafts)
        if hook == "problem-list-item-create":
            new = self._each("new-condition", facts.get("newConditions", ()), self._condition)
            context["conditions"] = _bundle("collection", new)
        return context

    def _selections(self, facts: Fact, drafts: Sequence[Json]) -> Json:
        """What the facts select; if they do not say, every draft, which `selections` may leave out."""
        named = {draft["id"]: f"{draft['resourceType']}/{draft['id']}" for draft in drafts}
        if "selections" in facts:
            return {"selections": [named[chosen] for chosen in facts["selections"]]}
        elsewhere = ["ServiceRequest/of-another-session"]
        return self.write.pick([{"selections": list(named.values())}, {}, {"selections": elsewhere}])

    def _each(self, name: str, facts: Iterable[Fact], write: Callable[[Fact], Json]) -> list[Json]:
        """One resource per fact, with its own id."""
        return [{"id": f"{name}-{number}"} | write(fact) for number, fact in enumerate(facts, 1)]

    def _subject(self, resource_type: str) -> Json:
        return {"resourceType": resource_type, "subject": self.write.patient()}

    # The patient

    def _patient(self, fact: Fact) -> Json:
        patient: Json = {"resourceType": "Patient", "id": self.write.patient_id}
        if fact.get("sex") is not None:
            patient["gender"] = fact["sex"]
        if fact.get("age") is not None:
            today, age = self.write.now.date(), fact["age"]
            latest = _years_before(today, age)
            days = (latest - _years_before(today, age + 1)).days
            patient["birthDate"] = (latest - timedelta(days=self.write.pick(range(days)))).isoformat()
        return patient

    def _encounter(self, fact: Fact) -> Json:
        klass = {"system": f"{_HL7}/v3-ActCode", "code": fact["class"]}
        return self._subject("Encounter") | {"id": "e1", "status": "in-progress", "class": klass}

    # Problems

    def _merged_pains(self, facts: Sequence[Fact]) -> list[Fact]:
        """The problems; radicular pain and back pain that began together may be one lumbago with sciatica."""
        radicular = [one for one in facts if one["code"] == "radicular-pain"]
        back = [one for one in facts if one["code"] == "back-pain"]
        if len(radicular) != 1 or len(back) != 1 or _course(radicular[0]) != _course(back[0]):
            return list(facts)
        if not self.write.chance(0.4):
            return list(facts)
        both = {**radicular[0], "both": "condition.back-pain"}
        return [both if one is radicular[0] else one for one in facts if one is not back[0]]

    def _condition(self, fact: Fact) -> Json:
        side = fact.get("side")
        code, sided = self.write.sided("condition", fact["code"], side, fact.get("both"), fact.get("onsetDaysAgo"))
        clinical, verification = _course(fact)[:2]
        if clinical == "active":
            clinical = self.write.pick(_CLINICAL)
        if verification == "confirmed":
            verification = self.write.pick(_VERIFICATION)
        condition = self._subject("Condition") | {"code": code}
        if clinical is not None:
            condition["clinicalStatus"] = {"coding": [{"system": f"{_HL7}/condition-clinical", "code": clinical}]}
        if verification is not None:
            status = {"system": f"{_HL7}/condition-ver-status", "code": verification}
            condition["verificationStatus"] = {"coding": [status]}
        sites = self.write.sites(side) if not sided or self.write.chance(0.3) else []
        condition |= {"bodySite": sites} if sites else {}
        return condition | self.write.onset(fact.get("onsetDaysAgo"))

    # Findings

    def _observations(self, facts: Sequence[Fact]) -> list[Json]:
        """One Observation per finding; findings of one time, side and status may share a panel."""
        found: list[Json] = []
        for _, group in groupby(sorted(facts, key=_moment) if self.write.choose else facts, key=_moment):
            together = list(group)
            if self.write.chance(0.2):
                found.append(self._panel(together))
            else:
                found += [self._observation(fact) | answer(self.write, fact) for fact in together]
        return [{"id": f"observation-{number}"} | one for number, one in enumerate(found, 1)]

    def _panel(self, facts: Sequence[Fact]) -> Json:
        pressures = all(fact["code"] in _PRESSURES for fact in facts)
        code = self.write.concept(self.write.coding(LOINC, "85354-9")) if pressures else {"text": "Examination"}
        parts = [answer(self.write, fact) for fact in facts]
        return self._observation(facts[0]) | {"code": code, "component": parts}

    def _observation(self, fact: Fact) -> Json:
        status = {"status": fact.get("status") or self.write.pick(_OBSERVED)}
        place = self.write.site(fact.get("side"))
        return self._subject("Observation") | status | place | self.write.observed(fact.get("daysAgo"))

    def _gestation(self, fact: Fact) -> Json:
        """A reading of today, or of a few days ago with a gestation that much shorter."""
        days = self.write.pick([0, 0, 1, 5, 20])
        reading = {"code": "gestation", "value": fact["gestationWeeks"], "daysAgo": 0}
        if 0 < days < fact["gestationWeeks"] * 7:
            reading |= {"value": fact["gestationWeeks"] - days / 7, "daysAgo": days}
        return self._observation(reading) | answer(self.write, reading)

    # Reports

    def _reports(self, facts: Iterable[Fact]) -> tuple[list[Json], list[Json]]:
        """The reports, and the Observations beside them that locate a lesion."""
        reports: list[Json] = []
        beside: list[Json] = []
        for number, fact in enumerate(facts, 1):
            report, located = self._report(fact, f"lesion-{number}")
            if located and self.write.chance(0.5):
                report["result"] = [{"reference": f"Observation/{located['id']}"}]
                beside.append(located)
            elif located:
                report |= {"contained": [located], "result": [{"reference": f"#{located['id']}"}]}
            reports.append({"id": f"report-{number}"} | report)
        return reports, beside

    def _report(self, fact: Fact, lesion_id: str) -> tuple[Json, Json]:
        """A report, and the Observation that gives the side of its lesion."""
        status = fact.get("status", "final")
        report = self._subject("DiagnosticReport") | self.write.reported(fact.get("daysAgo"))
        report |= {"status": self.write.pick(_REPORTED) if status == "final" else status}
        report |= {"code": self.write.of("report", fact["code"])}
        report |= {"conclusion": f"Level {fact['level']}"} if fact.get("level") else {}
        lesion, side = fact.get("lesion") or fact.get("finding"), fact.get("lesionSide")
        if fact.get("normal"):
            report["conclusionCode"] = [self.write.of("conclusion", "normal")]
        if not lesion:
            return report, {}
        named = _NAMED_BY_DISEASE.get(lesion, ("lesion", lesion))
        report["conclusionCode"] = [self.write.of(*named)]
        if not side:
            return report, {}
        located = self._subject("Observation") | {"id": lesion_id, "status": "final"}
        located |= self.write.site("bilateral" if side == "central" else side)
        return report, located | {"code": self.write.of(*named)}

    # Orders, devices, procedures

    def _service_request(self, fact: Fact) -> Json:
        code = self.write.of("order", fact["code"])
        return self._subject("ServiceRequest") | {"code": code} | self._order(fact)

    def _device_request(self, fact: Fact) -> Json:
        code = self.write.of("order", fact["code"])
        return self._subject("DeviceRequest") | {"codeCodeableConcept": code} | self._order(fact)

    def _order(self, fact: Fact) -> Json:
        status = fact.get("status", "active")
        order: Json = {
            "status": self.write.pick(_ORDERED) if status == "active" else status,
            "intent": "order",
        }
        order |= {"priority": fact["priority"]} if fact.get("priority") else {}
        order |= {"doNotPerform": True} if fact.get("doNotPerform") else {}
        order |= self._declined() if fact.get("reason") == "patient-declined" else {}
        return order | self.write.ordered(fact.get("daysAgo"))

    def _declined(self) -> Json:
        refusal = self.write.concept(self.write.coding(SNOMED, "105480006", "Refusal of treatment by patient"))
        reason = self.write.pick([refusal, {"text": "Scan declined by the patient"}])
        extension = {"url": _STATUS_REASON, "valueCodeableConcept": reason}
        return self.write.pick([{"reasonCode": [reason]}, {"extension": [extension]}])

    def _device(self, fact: Fact) -> Json:
        code = self.write.of("order" if fact["code"] == "afo" else "device", fact["code"])
        device: Json = {"resourceType": "Device", "patient": self.write.patient(), "type": code}
        status = fact.get("status") or self.write.pick([None, "active"])
        device |= {"status": status} if status else {}
        safeties = [
            code for code, meaning in VALUE_SETS["device.mr-safety"].meanings.items() if meaning == fact.get("mrSafety")
        ]
        if not safeties and self.write.chance(0.3):
            safeties = [_LABELLING_SILENT_ON_MRI]
        concepts = [self.write.concept(self.write.coding(NCIT, code)) for code in safeties]
        return device | ({"safety": concepts} if concepts else {})

    def _procedure(self, fact: Fact) -> Json:
        done = {"status": fact.get("status", "completed"), "code": self.write.of("procedure", fact["code"])}
        return self._subject("Procedure") | done | self.write.performed(fact.get("daysAgo"))

    # Medicines and allergies

    def _medicine(self, fact: Fact) -> Json:
        """A medicine that is taken; one that must not be taken can only be a request."""
        kind = "MedicationRequest" if fact.get("doNotPerform") else self.write.pick(_TAKEN)
        order = self._subject(kind) | {"status": fact.get("status", "active")} | self._substance(fact)
        return order | ({"intent": "order"} if kind == "MedicationRequest" else {})

    def _substance(self, fact: Fact) -> Json:
        concept = ingredient(self.write, fact["code"])
        contained = {"resourceType": "Medication", "id": "substance", "code": concept}
        stated: Json = {"doNotPerform": True} if fact.get("doNotPerform") else {}
        return stated | self.write.pick([
            {"medicationCodeableConcept": concept},
            {"contained": [contained], "medicationReference": {"reference": "#substance"}},
            {"contained": [contained], "medicationReference": {"reference": _APART}},
        ])  # fmt: skip

    def _allergy(self, fact: Fact) -> Json:
        coded = key_of("allergy", fact["code"]) is not None and self.write.chance(0.5)
        concept = self.write.of("allergy", fact["code"]) if coded else ingredient(self.write, fact["code"])
        allergy: Json = {
            "resourceType": "AllergyIntolerance",
            "patient": self.write.patient(),
            "code": concept,
        }
        for field in ("clinical", "verification"):
            if fact.get(field):
                status = {"system": f"{_HL7}/allergyintolerance-{field}", "code": fact[field]}
                allergy[f"{field}Status"] = {"coding": [status]}
        return allergy

    # Drafts

    def _draft(self, fact: Fact) -> Json:
        draft = {**fact, "status": "draft"}
        if fact["resourceType"] == "ServiceRequest":
            return {"id": fact["id"]} | self._service_request(draft)
        if fact["resourceType"] == "DeviceRequest":
            return {"id": fact["id"]} | self._device_request(draft)
        order = self._subject("MedicationRequest") | {"id": fact["id"], "status": "draft", "intent": "order"}
        order |= self._substance(fact) | dose(self.write, fact.get("dailyDoseMg"))
        if "contained" in order:
            order["medicationReference"] = {"reference": "#substance"}
        return order


def _set_apart(medicines: Iterable[Json]) -> list[Json]:
    """Take out the substances that are to be placed next to their order."""
    substances: list[Json] = []
    for order in medicines:
        if order.get("medicationReference") == {"reference": _APART}:
            substance = order.pop("contained")[0] | {"id": f"substance-{order['id']}"}
            order["medicationReference"] = {"reference": f"Medication/{substance['id']}"}
            substances.append(substance)
    return substances


def _years_before(day: date, years: int) -> date:
    if (day.month, day.day) == (2, 29):
        return date(day.year - years, 3, 1)
    return day.replace(year=day.year - years)


def _course(fact: Fact) -> tuple[str | None, str | None, float | None]:
    return fact.get("clinical", "active"), fact.get("verification", "confirmed"), fact.get("onsetDaysAgo")


def _moment(fact: Fact) -> tuple[float, str, str]:
    days_ago = fact.get("daysAgo")
    return (-1 if days_ago is None else days_ago, fact.get("side") or "", fact.get("status") or "")
