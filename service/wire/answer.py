"""Verdicts to CDS Hooks JSON. Only this module knows how a card is written on the wire.

The size of the answer is limited, however large the record is: a card has a maximum number of facts and suggestions,
and if the cards together are too large, the quieter ones come without their suggestions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

import msgspec
from msgspec import Raw, Struct, structs

from cards.decide import Decision
from cards.language.escaping import name
from cards.language.rule import Rule
from cards.language.sources import Source
from cards.language.verdict import Card, Indicator, Plan, Redose, Remove, Reprioritise, Suggestion
from cards.orders.catalogue import CATALOGUE, order_words
from cards.orders.changes import echo, redose
from cards.orders.context import OrderContext
from cards.orders.override_reasons import offered
from cards.orders.writing import InvalidOrderError, OrderWriter
from cards.record.codes import Overlay
from service.faults import contain
from service.middleware.log import logger
from service.profiles.codes import plain_code, plain_topic
from service.profiles.profile import STRICT, Profile
from service.signoff.standing import DRAFT, NOBODY
from service.wire.detail import detail, fact_line
from service.wire.request import HookRequest
from service.wire.shaping import ANY, AT_MOST_ONE, selection_note, shaped

CARDS_SYSTEM = "https://foot-drop-cds.example/fhir/CodeSystem/cards"
BECAUSE_EXTENSION = "example.foot-drop-cds.because"
MOST_BYTES = 1024 * 1024  # of an answer: some two hundred times an ordinary card
MOST_FACTS = 20  # of a card: nobody reads a longer list
MOST_SUGGESTIONS = 10  # of a card: likewise

_FRAME_BYTES = 32  # around and between the cards
_BARE_BYTES = 8 * 1024  # kept free for each card that is still to be written
# What is left out of a card that does not fit or that cannot be written.
_LESSER: tuple[dict[str, Any], ...] = (
    {},
    {"suggestions": ()},
    {"suggestions": (), "because": (), "detail": "", "quote": "", "ask": ""},
)
_encode = msgspec.json.Encoder().encode


class Sent(Struct, frozen=True):
    """A card as sent: its uuid, and for each suggestion its uuid, its label and whether it is recommended."""

    rule: Rule
    card: Card
    uuid: str
    suggestions: tuple[tuple[str, str, bool], ...] = ()


def answer(
    decision: Decision,
    request: HookRequest,
    now: datetime,
    overlay: Overlay | None = None,
    public_url: str = "",
    profile: Profile = STRICT,
    sent: list[Sent] | None = None,
    signed: Mapping[str, str] = NOBODY,
) -> bytes:
    """The response to a hook request: the cards to show, which may be none.

    Suggested orders carry the site's own codes from `overlay` as well as ours. Cards link to the page of their rule
    if the `public_url` of the service is known, and have the form that the EHR of the `profile` accepts. The cards that
    were written are added to `sent`. `signed` says who signed a rule; the others are drafts.
    """
    if not decision.shown:
        return b'{"cards":[]}'
    context = OrderContext(
        patient_id=request.patient_id,
        encounter_id=request.context.encounterId,
        requester=request.requester,
        now=now,
        overlay=overlay or {},
    )
    writer = _Writer(OrderWriter(context), public_url, profile, signed)
    cards: list[bytes] = []
    room = MOST_BYTES - _FRAME_BYTES
    for number, shown in enumerate(decision.shown, 1):  # loudest first
        free = room - _BARE_BYTES * (len(decision.shown) - number)
        forms = writer.forms(shown.rule, shown.card)
        form, written = next((form for form in forms if len(form[1]) <= free), ({}, b""))
        if written:
            cards.append(written)
            room -= len(written)
            if sent is not None:
                sent.append(_sent(shown.rule, shown.card, form))
    return b'{"cards":[' + b",".join(cards) + b"]}"


def _sent(rule: Rule, card: Card, form: dict[str, Any]) -> Sent:
    suggestions = ((one["uuid"], one["label"], "isRecommended" in one) for one in form.get("suggestions", ()))
    return Sent(rule, card, form["uuid"], tuple(suggestions))


def _bounded(card: Card) -> Card:
    """The card with the facts and suggestions that are sent; recommended suggestions are the last to be left out."""
    if len(card.because) <= MOST_FACTS and len(card.suggestions) <= MOST_SUGGESTIONS:
        return card
    best_first = sorted(card.suggestions, key=lambda suggestion: not suggestion.is_recommended)
    kept = best_first[:MOST_SUGGESTIONS] if len(card.suggestions) > MOST_SUGGESTIONS else card.suggestions
    return structs.replace(card, because=card.because[:MOST_FACTS], suggestions=tuple(kept))


class _Writer:
    """Writes the cards of one answer."""

    def __init__(self, orders: OrderWriter, public_url: str, profile: Profile, signed: Mapping[str, str]) -> None:
        self._orders = orders
        self._public_url = public_url
        self._profile = profile
        self._signed = signed
        self._line = cache(fact_line)  # cards have facts in common

    def forms(self, rule: Rule, card: Card) -> Iterator[tuple[dict[str, Any], bytes]]:
        """The card and its JSON, then less and less of it: without suggestions, then also without facts and detail.

        A form that cannot be written is a fault of that card alone.
        """
        for lesser in _LESSER:
            try:
                form = self._card(rule, _bounded(structs.replace(card, **lesser) if lesser else card))
                yield form, _encode(form)
            except Exception as error:
                contain(rule.id, "card", error)

    def _card(self, rule: Rule, card: Card) -> dict[str, Any]:
        page = f"{self._public_url}/rules/{rule.id}" if self._public_url else ""
        plain_for = card.indicator if self._profile.plain_codes else None
        of_rule = _of_rule(rule, card.source or rule.source, page, plain_for)
        card_json: dict[str, Any] = {
            "uuid": self._orders.new_id(),
            "summary": card.summary,
            "indicator": card.indicator,
            "detail": detail(rule, card, page, self._line, self._signed.get(rule.id, DRAFT)),
            "source": of_rule["source"],
        }
        suggestions = [json for suggestion in card.suggestions if (json := self._suggestion(suggestion))]
        if suggestions and self._profile is not STRICT:
            suggestions = shaped(suggestions, self._profile, self._orders.new_id)
            if note := selection_note(card, suggestions, self._profile):
                card_json["detail"] += f"\n\n{note}"
        if suggestions:
            card_json["suggestions"] = suggestions
            meant = AT_MOST_ONE if card.one_suggestion_only else ANY
            card_json["selectionBehavior"] = self._profile.selection or meant
        card_json |= of_rule
        if card.because:
            # The value of an extension must be an object; clients that know this name read the evidence from it.
            card_json["extension"] = {BECAUSE_EXTENSION: {"facts": card.because}}
        return card_json

    def _suggestion(self, suggestion: Suggestion) -> dict[str, Any] | None:
        """The suggestion with its actions, which belong together: None if one of them cannot be written."""
        actions = [_action(plan, self._orders, self._profile) for plan in suggestion.plans]
        if not actions or None in actions:
            return None
        suggestion_json: dict[str, Any] = {"label": suggestion.label, "uuid": self._orders.new_id()}
        if suggestion.is_recommended:
            suggestion_json["isRecommended"] = True
        suggestion_json["actions"] = actions
        return suggestion_json


@lru_cache(maxsize=256)
def _of_rule(rule: Rule, follows: Source, page: str, plain_for: Indicator | None) -> dict[str, Raw]:
    """The members that are the same on every card of a branch: source, overrideReasons, links.

    Expert judgement has no source of its own, so it links to the rule's page (D93). With `plain_for`, codes are plain
    and the topic is the one for that indicator.
    """
    source: dict[str, Any] = {"label": follows.label}
    url = follows.url or (page if follows.is_judgement else "")
    if url:
        source["url"] = url
    topic = plain_topic(rule.id, plain_for) if plain_for else rule.id
    source["topic"] = {"system": CARDS_SYSTEM, "code": topic, "display": rule.title}
    members: dict[str, Any] = {"source": source}
    if rule.overrides:
        reasons = offered(rule.overrides)
        if plain_for:
            reasons = tuple(structs.replace(reason, code=plain_code(reason.code)) for reason in reasons)
        members["overrideReasons"] = reasons
    links = [(follows.label, follows.url), (f"About this rule: {rule.title}", page)]
    if any(address for _, address in links):
        members["links"] = [{"label": label, "url": address, "type": "absolute"} for label, address in links if address]
    return {name: Raw(_encode(value)) for name, value in members.items()}


def _action(
    plan: Plan | Reprioritise | Redose | Remove, orders: OrderWriter, profile: Profile
) -> dict[str, Any] | None:
    match plan:
        case Plan():
            return _create(plan, orders, "Create a draft")
        case Remove():
            if "/" not in plan.draft.reference:
                return None  # a draft without an id cannot be referenced
            which = f": {name(plan.draft.text, 80)}" if profile.shows_descriptions else ""
            return {
                "type": "delete",
                "description": f"Delete the draft order{which}",
                "resourceId": plan.draft.reference,
            }
        case Reprioritise():
            # Not a new order instead either: if its priority is not taken over, it is the same order twice.
            return _reprioritise(plan, orders) if profile.takes("update", plan.draft.type) else None
        case Redose():
            return _redose(plan)


def _reprioritise(plan: Reprioritise, orders: OrderWriter) -> dict[str, Any] | None:
    draft = echo(plan.draft, plan.priority)
    if draft is not None:
        description = f"Change the priority of the draft order to {plan.priority}"
        return {"type": "update", "description": description, "resource": Raw(draft)}
    key = next((key for key in plan.draft.keys if key in CATALOGUE), "")
    # A draft that is not valid FHIR cannot be sent back, so a new order is offered in addition.
    beside = Plan(key=key, priority=plan.priority, note=plan.note, emergencies=plan.emergencies)
    return _create(beside, orders, "Create a draft order beside the one being written")


def _redose(plan: Redose) -> dict[str, Any] | None:
    """The draft with a lower dose; None if its dosage cannot be rewritten, and then only the card states the dose."""
    draft = redose(plan.draft, plan.daily_mg, plan.step_mg, plan.times_a_day)
    if draft is None:
        return None
    description = f"Lower the dose of the draft order to {plan.words}"
    return {"type": "update", "description": description, "resource": Raw(draft)}


def _create(plan: Plan, orders: OrderWriter, what: str) -> dict[str, Any] | None:
    if plan.key not in CATALOGUE:
        return None
    try:
        resource = orders.write(plan)
    except InvalidOrderError:
        # An invalid id in the request must not suppress the card: it is shown without this suggestion.
        logger().warning("a suggested order is not valid R4 and was left out", order=plan.key)
        return None
    words = order_words(plan) + (f", {plan.priority}" if plan.priority != "routine" else "")
    return {"type": "create", "description": f"{what}: {words}", "resource": Raw(resource)}
