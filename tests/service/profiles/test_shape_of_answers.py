"""What each profile makes of the same cards: Epic's and Oracle's form, and the others as CDS Hooks has it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec import structs

from cards.language.verdict import Indicator
from cards.orders.override_reasons import OVERRIDE_REASONS
from cards.rule_book import rule_book
from service.app import create_app
from service.errors import StartError
from service.examples import mask
from service.profiles.codes import check_rules, plain_topic, read_back
from service.profiles.profile import PROFILES
from service.settings import load
from service.trust.client import ProfileName
from tests.support import examples_on_disk
from tests.support.profiled import actions, pairs
from tests.support.r4 import UUID, empties
from tests.support.signing import PUBLIC_URL, registered, token
from tests.support.site import site

Json = dict[str, Any]
# The codes that Epic was first sent: it remembers what was overridden by them, so none may ever change its meaning.
SENT = (Path(__file__).parent / "topics.txt").read_text(encoding="utf-8").split()
PLAIN = re.compile(r"[A-Za-z0-9]{1,100}")


def cards(profile: str) -> list[tuple[Json, Json]]:
    """The cards of the examples, each shaped and plain."""
    return [(card, pair.plain[rule]) for pair in pairs(profile) for rule, card in pair.shaped.items()]


def what(action: Json) -> tuple[str, str]:
    """What an action does, without its words and its temporary id."""
    resource = {name: value for name, value in action.get("resource", {}).items() if name != "id"}
    return action["type"], action.get("resourceId") or json.dumps(resource, sort_keys=True)


def kind(action: Json) -> tuple[str, str]:
    """The type of an action and of its resource."""
    return action["type"], action["resource"]["resourceType"] if "resource" in action else action["resourceId"].split(
        "/"
    )[0]


def test_the_profiles_are_those_that_the_settings_may_name() -> None:
    assert set(PROFILES) == set(get_args(ProfileName))


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_neither_adds_nor_loses_a_card(profile: str) -> None:
    for pair in pairs(profile):
        assert list(pair.shaped) == list(pair.plain), pair.name
    for shaped, plain in cards(profile):
        assert shaped["summary"] == plain["summary"]
        assert shaped["indicator"] == plain["indicator"]
        assert shaped["detail"].startswith(plain["detail"])
        assert shaped["source"]["label"] == plain["source"]["label"]
        assert empties(shaped) == []


@pytest.mark.parametrize("profile", ["strict", "sandbox", "crd"])
def test_without_deviations_the_answer_is_that_of_everybody(profile: str) -> None:
    assert PROFILES[profile] == PROFILES["strict"]
    for pair in pairs(profile):
        shaped, plain = (mask({"cards": list(cards.values())}) for cards in (pair.shaped, pair.plain))
        assert shaped == plain, pair.name


@pytest.mark.parametrize("profile", PROFILES)
def test_no_profile_gets_what_was_not_agreed(profile: str) -> None:
    """No SMART link, so no appContext and nothing that starts by itself; no system actions; no choice among actions."""
    for shaped, _ in cards(profile):
        assert all(link.keys() == {"label", "url", "type"} and link["type"] == "absolute" for link in shaped["links"])
        for suggestion in shaped.get("suggestions", ()):
            assert suggestion.keys() <= {"label", "uuid", "isRecommended", "actions"}


# ---- Epic ----


def test_epic_may_choose_any_suggestion_and_each_is_one_action() -> None:
    behaviours = {shaped.get("selectionBehavior") for shaped, _ in cards("epic")}
    assert behaviours == {"any", None}
    for shaped, _ in cards("epic"):
        assert ("suggestions" in shaped) == ("selectionBehavior" in shaped)
        assert all(len(suggestion["actions"]) == 1 for suggestion in shaped.get("suggestions", ()))


def test_epic_shows_the_description_so_it_is_the_label_too_and_holds_both() -> None:
    seen = 0
    for shaped, plain in cards("epic"):
        whole, cut = [], []
        for suggestion in plain.get("suggestions", ()):
            is_whole = all(kind(action) in (PROFILES["epic"].carries_out or ()) for action in suggestion["actions"])
            if is_whole:
                whole.append(f"{suggestion['label']}. ")
            else:
                cut += [action["description"] for action in suggestion["actions"]]
        for suggestion in shaped.get("suggestions", ()):
            words = suggestion["actions"][0]["description"]
            assert suggestion["label"] == words
            assert words.startswith(tuple(whole)) or words in cut, words
            seen += 1
        assert len({suggestion["label"] for suggestion in shaped.get("suggestions", ())}) == len(
            shaped.get("suggestions", ())
        )
    assert seen > 50


def test_epic_is_offered_every_action_that_it_carries_out_once_and_no_other() -> None:
    left_out, shared = set(), 0
    for shaped, plain in cards("epic"):
        offered = [what(action) for action in actions(shaped)]
        possible = [action for action in actions(plain) if kind(action) in (PROFILES["epic"].carries_out or ())]
        assert sorted(offered) == sorted(set(map(what, possible)))
        shared += len(possible) - len(offered)
        left_out |= {kind(action) for action in actions(plain)} - {kind(action) for action in actions(shaped)}
    assert {("create", "DeviceRequest"), ("create", "Observation"), ("update", "MedicationRequest")} <= left_out
    assert shared, "no example removes one draft by two suggestions"


def test_epic_selects_beforehand_what_is_recommended() -> None:
    for shaped, plain in cards("epic"):
        recommended = {
            what(action)
            for one in plain.get("suggestions", ())
            if one.get("isRecommended")
            for action in one["actions"]
        }
        for suggestion in shaped.get("suggestions", ()):
            assert suggestion.get("isRecommended", False) == (what(suggestion["actions"][0]) in recommended)


def test_epic_is_told_of_alternatives_in_words() -> None:
    said: dict[str, list[bool]] = {rule: [] for pair in pairs("epic") for rule in pair.shaped}
    for pair in pairs("epic"):
        for rule, card in pair.shaped.items():
            said[rule].append("**Choose one** of the suggestions" in card["detail"])
    assert {rule for rule, told in said.items() if any(told)} == {"pain-regimen"}
    assert "mri-contraindication" in said, "to order the CT and to remove the MRI are no alternatives"


@pytest.mark.parametrize("is_valid", [True, False])
def test_epic_gets_no_second_order_of_a_draft_that_should_be_faster(tmp_path: Path, is_valid: bool) -> None:
    """Everybody else is sent the draft again, or if that cannot be done a new one beside it, with the priority."""
    request = next(
        request for name, request, _ in examples_on_disk.read() if name == "routine-mri-signed-while-worsening"
    )
    asked = {member: value for member, value in request.items() if member != "fhirServer"}
    for entry in [] if is_valid else asked["context"]["draftOrders"]["entry"]:
        entry["resource"]["authoredOn"] = "today"  # not R4: the draft is judged, and not sent back
    path = f"/cds-services/foot-drop-{asked['hook']}"
    offered = {}
    for profile in ("strict", "epic"):
        (tmp_path / profile).mkdir()
        with site(tmp_path / profile, f'profile = "{profile}"') as main:
            (card,) = main.post(token(aud=f"{PUBLIC_URL}{path}"), asked, path).get_json()["cards"]
            offered[profile] = [action["description"] for action in actions(card)]
    faster = "Change the priority of the draft order to stat" if is_valid else "Create a draft order beside"
    assert any(text.startswith(faster) for text in offered["strict"])
    assert offered["epic"]
    assert not any("beside" in text or "Change" in text for text in offered["epic"])


def test_epic_shows_which_draft_is_removed_and_what_is_disputed() -> None:
    words = [suggestion["label"] for shaped, _ in cards("epic") for suggestion in shaped.get("suggestions", ())]
    removals = [text for text in words if "Delete the draft order" in text]
    assert removals
    assert all(re.search(r"Delete the draft order: \w+", text) for text in removals)
    assert any(text.startswith("Gabapentin: disputed") for text in words)


def test_epic_gets_codes_of_letters_and_digits_that_lead_back() -> None:
    topics, reasons = set(), set()
    for pair in pairs("epic"):
        for rule, card in pair.shaped.items():
            topics.add(code := card["source"]["topic"]["code"])
            assert code == rule.replace("-", "") + card["indicator"]
            for sent, ours in zip(card["overrideReasons"], pair.plain[rule]["overrideReasons"], strict=True):
                reasons.add(sent["code"])
                assert read_back(sent["code"], OVERRIDE_REASONS) == ours["code"]
                assert (sent["system"], sent["display"]) == (ours["system"], ours["display"])
    assert len(topics) > 10
    assert len(reasons) > 3
    assert all(PLAIN.fullmatch(code) for code in topics | reasons)


def test_each_uuid_is_new() -> None:
    uuids = [one["uuid"] for shaped, _ in cards("epic") for one in (shaped, *shaped.get("suggestions", ()))]
    assert all(UUID.fullmatch(uuid) for uuid in uuids)
    assert len(set(uuids)) == len(uuids)


# ---- Oracle ----


def test_oracle_knows_one_choice_alone_and_is_told_where_more_may_be_needed() -> None:
    told = 0
    for shaped, plain in cards("oracle"):
        suggestions = shaped.get("suggestions", [])
        assert shaped.get("selectionBehavior") == ("at-most-one" if suggestions else None)
        assert len([one for one in suggestions if one.get("isRecommended")]) <= 1
        assert [one["label"] for one in suggestions] == [one["label"] for one in plain.get("suggestions", ())]
        is_several = plain.get("selectionBehavior") == "any" and len(suggestions) > 1
        assert ("**More than one** of the suggestions may be needed." in shaped["detail"]) == is_several
        told += is_several
    assert told > 3


# ---- the codes ----


def test_a_topic_keeps_its_code() -> None:
    sent = {plain_topic(rule, indicator) for rule in rule_book().rules for indicator in Indicator}
    assert len(SENT) > 60
    assert set(SENT) <= sent, "Epic remembers overrides by these codes"


def test_the_way_back() -> None:
    assert read_back("patientdeclined", OVERRIDE_REASONS) == "patient-declined"
    assert read_back("contraindicated", OVERRIDE_REASONS) == "contraindicated"
    for code in ("", "-", "lumbar mri", "seecomment"):
        assert read_back(code, OVERRIDE_REASONS) is None


@pytest.mark.parametrize(
    "rules", [["a-b", "ab"], ["---"], ["x" * 95], ["a", "a-info", "ainfo"]], ids=["alike", "none", "long", "of two"]
)
def test_rules_whose_topics_would_lose_their_meaning_are_refused(rules: list[str]) -> None:
    with pytest.raises(ValueError, match=r"without hyphens|has no topic"):
        check_rules(rules)


def test_rules_that_epic_could_not_tell_apart_keep_the_service_from_starting(tmp_path: Path) -> None:
    book = rule_book()
    book = structs.replace(book, rules={**book.rules, "lumbarmri": book.rules["lumbar-mri"]})
    create_app(load(registered(tmp_path), {}), book=book)
    with pytest.raises(StartError, match="lumbar-mri and lumbarmri"):
        create_app(load(registered(tmp_path, 'profile = "epic"'), {}), book=book)
