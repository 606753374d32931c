"""The suggestions of a card in the form that one EHR accepts: anything else is left out, split or put into words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from cards.language.verdict import Card
from service.profiles.profile import Profile

ANY, AT_MOST_ONE = "any", "at-most-one"
_ALTERNATIVES = "**Choose one** of the suggestions: they are alternatives."
_TOGETHER = "**More than one** of the suggestions may be needed."

Json = dict[str, Any]


class _Typed(Struct):
    resourceType: str


def shaped(suggestions: Iterable[Json], profile: Profile, new_id: Callable[[], str]) -> list[Json]:
    """The suggestions in the form that the EHR of a profile accepts; there may be none left.

    If the EHR shows the description of an action and not the label of its suggestion, each of the two gets the text of
    both: a label may say that a medicine is disputed, and for a suggestion of several actions it says what belongs
    together. If actions are removed from a suggestion, its label would promise too much and is left out.
    """
    fitting = [one for suggestion in suggestions if (one := _carried_out(suggestion, profile))]
    if profile.one_action:
        fitting = list(_single(fitting, new_id))
    if profile.shows_descriptions:
        for suggestion in fitting:
            for action in suggestion["actions"]:
                action["description"] = ". ".join(filter(None, (suggestion["label"], action["description"])))
            suggestion["label"] = suggestion["actions"][0]["description"]
    if profile.selection == AT_MOST_ONE:
        for suggestion in [one for one in fitting if one.get("isRecommended")][1:]:
            del suggestion["isRecommended"]  # of alternatives only the first stays recommended
    return fitting


def selection_note(card: Card, suggestions: list[Json], profile: Profile) -> str:
    """What the detail says if the EHR lets its users choose more, or fewer, suggestions than intended."""
    meant = AT_MOST_ONE if card.one_suggestion_only else ANY
    if len(suggestions) < 2 or profile.selection in ("", meant):
        return ""
    if meant == ANY:
        return _TOGETHER
    # "The CT, and remove the MRI" and "remove the MRI" may both be chosen, once each action is offered by itself.
    return _ALTERNATIVES if all(len(suggestion.plans) == 1 for suggestion in card.suggestions) else ""


def _carried_out(suggestion: Json, profile: Profile) -> Json | None:
    """The suggestion with the actions that the EHR carries out; None if none is left."""
    if profile.carries_out is None:
        return suggestion
    actions = [action for action in suggestion["actions"] if profile.takes(action["type"], _resource(action))]
    is_cut = len(actions) < len(suggestion["actions"]) and profile.shows_descriptions
    return {**suggestion, "actions": actions, **({"label": ""} if is_cut else {})} if actions else None


def _resource(action: Json) -> str:
    """The type of the resource that an action is about."""
    if "resource" not in action:
        return str(action["resourceId"]).partition("/")[0]
    return msgspec.json.decode(action["resource"], type=_Typed).resourceType


def _single(suggestions: list[Json], new_id: Callable[[], str]) -> Iterator[Json]:
    """A suggestion for each action. An action shared by several is offered once, where it is alone if possible."""
    alone = {_what(one["actions"][0]) for one in suggestions if len(one["actions"]) == 1}
    recommended = {_what(action) for one in suggestions if one.get("isRecommended") for action in one["actions"]}
    offered: set[bytes] = set()
    for suggestion in suggestions:
        is_whole = len(suggestion["actions"]) == 1
        for action in suggestion["actions"]:
            what = _what(action)
            if what in offered or (what in alone and not is_whole):
                continue
            offered.add(what)
            one = {**suggestion, "uuid": suggestion["uuid"] if is_whole else new_id(), "actions": [action]}
            if what in recommended:
                one["isRecommended"] = True
            yield one


def _what(action: Json) -> bytes:
    """What an action does, regardless of its description: its type and its resource, without the temporary id."""
    if "resource" not in action:
        return f"{action['type']} {action['resourceId']}".encode()
    resource = msgspec.json.decode(action["resource"])
    if action["type"] == "create":
        resource.pop("id", None)
    return msgspec.json.encode([action["type"], resource])
