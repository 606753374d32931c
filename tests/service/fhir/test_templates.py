"""The prefetch templates: what the rules read, in the query forms that the standard allows."""

from urllib.parse import parse_qs

from cards.record.codes import Codes
from cards.record.prefetch_keys import supplied_by
from cards.rule_book import rule_book
from cards.value_sets.value_set import VALUE_SETS
from service.fhir.templates import templates

RULES = rule_book().rules

KEYS = [
    "patient", "conditions", "observations", "reports", "orders", "deviceOrders", "devices", "procedures",
    "medications", "statements", "allergies", "encounter",
]  # fmt: skip
EVERYTHING = {
    "patient", "encounter", "condition.foot-drop", "observation.mrc", "report.mri-lumbar", "order.afo",
    "device.mr-safety", "procedure.spinal-fixation", "medication.nsaid", "allergy.aspirin",
}  # fmt: skip


def test_one_key_a_resource_type_in_a_fixed_order() -> None:
    assert list(templates(EVERYTHING, Codes())) == KEYS


def test_a_lesion_needs_the_reports_and_their_results() -> None:
    assert list(templates({"lesion.root-compression"}, Codes())) == ["observations", "reports"]


def test_a_hook_that_no_rule_reads_for_asks_nothing() -> None:
    assert templates(rule_book().read_by("unheard-of"), Codes()) == {}


def test_what_the_rules_of_each_hook_read_is_asked_for() -> None:
    for rule in RULES.values():
        for hook in rule.hooks:
            needed = {name for key in rule.reads for name in supplied_by(key)}
            assert needed <= templates(rule_book().read_by(hook), Codes()).keys()


def test_the_queries_use_only_what_the_standard_allows() -> None:
    asked_for = templates(EVERYTHING, Codes())
    assert asked_for.pop("patient") == "Patient/{{context.patientId}}"
    assert asked_for.pop("encounter") == "Encounter/{{context.encounterId}}"
    for key, query in asked_for.items():
        kind, _, parameters = query.partition("?")
        asked = parse_qs(parameters, strict_parsing=True)
        assert kind.isalpha()
        assert asked.keys() == {"patient", "_count"} | ({"code"} if key == "observations" else set())
        assert (asked["patient"], asked["_count"]) == (["{{context.patientId}}"], ["200"])


def codes_asked(codes: Codes) -> list[str]:
    query = templates(EVERYTHING, codes)["observations"]
    return parse_qs(query.partition("?")[2])["code"][0].split(",")


def test_observations_are_asked_for_by_every_bare_code() -> None:
    asked = codes_asked(Codes())
    wanted = {
        code
        for key, value_set in VALUE_SETS.items()
        if key.startswith(("observation.", "lesion.", *VALUE_SETS["lesion.structural"].conditions))
        for codes in value_set.codes.values()
        for code in codes
    }
    assert set(asked) == wanted | {"85354-9"}
    assert len(asked) == len(set(asked))
    assert asked == codes_asked(Codes())


def test_a_site_adds_its_own_codes() -> None:
    overlay = {
        "observation.mrc-eversion": {"urn:site": ["FLOW 1&2", "a|b"]},
        "lesion.root-compression": {"urn:site": ["L5R"]},
        "condition.lumbar-stenosis": {"urn:site": ["STENOSIS"]},  # as the finding of a report (D62)
        "condition.foot-drop": {"urn:site": ["DROP"]},
        "order.mri-lumbar": {"urn:site": ["MRLUMB"]},
    }
    asked = codes_asked(Codes(overlay))
    assert {"FLOW 1&2", "a\\|b", "L5R", "STENOSIS"} <= set(asked)
    assert {"MRLUMB", "DROP"}.isdisjoint(asked)
