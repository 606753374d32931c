"""Searches that are not whole (O3): what was not sent is not taken for not recorded."""

from typing import Any

import pytest
import responses
from flask.testing import FlaskClient

from tests.service.odd.asking import DROP, PAIN, WALKS, Json, ago, body, bundle, cards, concept, record

MORE = "Orders could not be read"


def search(mode: str | None, *resources: Json) -> list[Json]:
    return [{"resource": one} | ({"search": {"mode": mode}} if mode else {}) for one in resources]


def ask(client: FlaskClient, key: str, value: Json) -> Any:
    return client.post("/cds-services/foot-drop-patient-view", json=body(DROP, PAIN, WALKS, prefetch={key: value}))


@pytest.mark.parametrize("total", [37, "37"])
@pytest.mark.parametrize("entry", [{}, {"entry": []}])
def test_a_count_without_entries_is_nothing(client: FlaskClient, total: Any, entry: Json) -> None:
    counted = {"resourceType": "Bundle", "type": "searchset", "total": total} | entry
    assert ask(client, "conditions", counted).status_code == 412
    answer = ask(client, "orders", counted)
    assert MORE in answer.get_json()["cards"][0]["detail"]


ORDER = record(
    "ServiceRequest", "o1", status="active", code=concept("https://ehr.example", "x"), authoredOn=ago(days=1)
)


@pytest.mark.parametrize(
    ("total", "entries", "is_whole"),
    [
        (1, search("match", ORDER), True),
        (1, search(None, ORDER), True),
        (0, [], True),
        (None, search("match", ORDER), True),
        (2, search("match", ORDER), False),
        (2, search("match", ORDER) + search("include", ORDER | {"id": "o2"}), False),
        (2, search("match", ORDER) + search("outcome", {"resourceType": "OperationOutcome", "issue": [
            {"severity": "information", "code": "informational"}]}), False),
        (2, [*search("match", ORDER), {"resource": ORDER | {"id": "o2"}, "search": [{"mode": "INCLUDE"}]}], False),
        (1, search("match", ORDER) + search(None, {"resourceType": "OperationOutcome", "issue": [
            {"severity": "Information", "code": "informational"}]}), True),
        (2, search("match", ORDER, ORDER | {"id": "o2"}), True),
        (1, search("match", ORDER, ORDER | {"id": "o2"}), True),
        (2, search("match", ORDER, ORDER | {"status": 5}), True),
    ],
)  # fmt: skip
def test_a_total_says_whether_a_search_is_whole(
    client: FlaskClient, total: int | None, entries: list[Json], is_whole: bool
) -> None:
    whole = {"resourceType": "Bundle", "type": "searchset", "entry": entries} | (
        {} if total is None else {"total": total}
    )
    details = [card["detail"] for card in ask(client, "orders", whole).get_json()["cards"]]
    assert any(MORE in detail for detail in details) is not is_whole


def test_a_part_of_the_problem_list_is_judged_and_said(client: FlaskClient) -> None:
    part = bundle([DROP]) | {"total": 2}
    assert "afo" in cards(client, body(WALKS, prefetch={"conditions": part}))
    answer = ask(client, "conditions", bundle([PAIN]) | {"total": 2})
    assert answer.get_json()["cards"] == []


SERVER = "http://127.0.0.1:9/fhir"


@pytest.mark.parametrize(
    ("first", "second", "is_whole"),
    [(2, None, True), (None, 2, True), (2, 2, True), (None, None, True), (3, None, False), (None, 3, False)],
)
@responses.activate
def test_pages_that_state_no_total_hold_what_they_hold(
    client: FlaskClient, first: int | None, second: int | None, is_whole: bool
) -> None:
    link = [{"relation": "next", "url": f"{SERVER}?page=2"}]
    for page, total, more in (("1", first, {"link": link}), ("2", second, {})):
        found = bundle([ORDER | {"id": f"o{page}"}]) | more
        del found["total"]
        stated = {} if total is None else {"total": total}
        if page == "1":
            responses.get(f"{SERVER}/ServiceRequest", json=found | stated)
            responses.post(f"{SERVER}/ServiceRequest/_search", json=found | stated)
        else:
            responses.get(SERVER, json=found | stated)
    asked = body(DROP, PAIN, WALKS) | {"fhirServer": SERVER}
    del asked["prefetch"]["orders"]
    reply = client.post("/cds-services/foot-drop-patient-view", json=asked)
    assert any(MORE in card["detail"] for card in reply.get_json()["cards"]) is not is_whole
