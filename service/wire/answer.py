"""CDS Hooks JSON: verdicts to an answer. No other module knows how a card is written."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import uuid4

import msgspec
from msgspec import Raw

from cards.decide import Decision
from cards.language.rule import Rule
from cards.language.verdict import Card, Plan, Redose, Remove, Reprioritise, Suggestion
from cards.orders.catalogue import CATALOGUE, InvalidOrderError, OrderContext, order_resource, order_words
from cards.orders.changes import echo, redose
from cards.orders.override_reasons import offered
from cards.record.codes import Overlay
from service.middleware.log import logger
from service.wire.detail import detail
from service.wire.request import HookRequest

CARDS_SYSTEM = "https://foot-drop-cds.example/fhir/CodeSystem/cards"
BECAUSE_EXTENSION = "example.foot-drop-cds.because"

_encode = msgspec.json.Encoder().encode


def answer(decision: Decision, request: HookRequest, now: datetime, overlay: Overlay | None = None) -> bytes:
    """The response to a hook request: the cards to show, none when there is nothing to say.

    The site's own codes of `overlay` are sent beside ours in suggested orders.
    """
    context = OrderContext(
        patient_id=request.patient_id,
        encounter_id=request.context.encounterId,
        requester=request.requester,
        now=now,
        overlay=overlay or {},
    )
    return _encode({"cards": [_card(shown.rule, shown.card, context) for shown in decision.shown]})


def _card(rule: Rule, card: Card, context: OrderContext) -> dict[str, Any]:
    of_rule = _of_rule(rule)
    made: dict[str, Any] = {
        "uuid": uuid4(),
        "summary": card.summary,
        "indicator": card.indicator,
        "detail": detail(rule, card),
        "source": of_rule["source"],
    }
    suggestions = [each for each in (_suggestion(each, context) for each in card.suggestions) if each]
    if suggestions:
        made["suggestions"] = suggestions
        made["selectionBehavior"] = "at-most-one" if card.one_suggestion_only else "any"
    made |= of_rule
    if card.because:
        # An extension's value has to be an object; who agreed on this name reads the evidence from it.
        made["extension"] = {BECAUSE_EXTENSION: {"facts": card.because}}
    return made


@lru_cache(maxsize=64)
def _of_rule(rule: Rule) -> dict[str, Any]:
    """The members that are the same on every card of a rule: source, overrideReasons, links."""
    source: dict[str, Any] = {"label": rule.source.label}
    if rule.source.url:
        source["url"] = rule.source.url
    source["topic"] = {"system": CARDS_SYSTEM, "code": rule.id, "display": rule.title}
    made: dict[str, Any] = {"source": source}
    if rule.overrides:
        made["overrideReasons"] = offered(rule.overrides)
    if rule.source.url:
        made["links"] = [{"label": rule.source.label, "url": rule.source.url, "type": "absolute"}]
    return made


def _suggestion(suggestion: Suggestion, context: OrderContext) -> dict[str, Any] | None:
    """The suggestion with its actions; None when one of them cannot be made, since they belong together."""
    actions = [_action(plan, context) for plan in suggestion.plans]
    if not actions or None in actions:
        return None
    made: dict[str, Any] = {"label": suggestion.label, "uuid": uuid4()}
    if suggestion.is_recommended:
        made["isRecommended"] = True
    made["actions"] = actions
    return made


def _action(plan: Plan | Reprioritise | Redose | Remove, context: OrderContext) -> dict[str, Any] | None:
    match plan:
        case Plan():
            return _create(plan, context, "Create a draft")
        case Remove():
            if "/" not in plan.draft.reference:
                return None  # a draft without id cannot be named
            return {"type": "delete", "description": "Delete the draft order", "resourceId": plan.draft.reference}
        case Reprioritise():
            return _reprioritise(plan, context)
        case Redose():
            return _redose(plan)


def _reprioritise(plan: Reprioritise, context: OrderContext) -> dict[str, Any] | None:
    whole = echo(plan.draft, plan.priority)
    if whole is not None:
        description = f"Change the priority of the draft order to {plan.priority}"
        return {"type": "update", "description": description, "resource": Raw(whole)}
    key = next((key for key in plan.draft.keys if key in CATALOGUE), "")
    # A draft that is not valid FHIR cannot be sent back: a new order is offered beside it.
    beside = Plan(key=key, priority=plan.priority)
    return _create(beside, context, "Create a draft order beside the one being written")


def _redose(plan: Redose) -> dict[str, Any] | None:
    """The draft with a lower dose; none when its dosage cannot be rewritten: the card says what it may be."""
    whole = redose(plan.draft, plan.daily_mg, plan.step_mg)
    if whole is None:
        return None
    description = f"Lower the dose of the draft order to at most {plan.daily_mg:g} mg a day"
    return {"type": "update", "description": description, "resource": Raw(whole)}


def _create(plan: Plan, context: OrderContext, what: str) -> dict[str, Any] | None:
    if plan.key not in CATALOGUE:
        return None
    try:
        resource = order_resource(plan, context)
    except InvalidOrderError:
        # An odd id in the request must not cost the card: it is shown without this button.
        logger().warning("a suggested order is not valid R4 and was left out", order=plan.key)
        return None
    words = order_words(plan) + (f", {plan.priority}" if plan.priority != "routine" else "")
    return {"type": "create", "description": f"{what}: {words}", "resource": resource}
