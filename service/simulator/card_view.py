"""The cards of an answer as they are shown. Any service may have sent them, with any content."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msgspec import Struct, field

from cards.orders.override_reasons import MOST_REASONS
from service.simulator.elements import Json, at, objects, text

_INDICATORS = {"critical": "Critical", "warning": "Warning", "info": "Information"}
_LONG = 400  # characters; a longer text gets a box that scrolls
_WEB = ("https://", "http://")


class SuggestionView(Struct):
    """One suggestion, identified by its place in the card."""

    label: str
    is_recommended: bool
    actions: list[str]


class CardView(Struct):
    """One card, identified by its place in the answer; `rule` is the id of our rule that made it."""

    topic: str
    indicator: str
    word: str
    summary: str
    detail: str
    source: str
    address: str
    rule: str
    one_only: bool
    suggestions: list[SuggestionView] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    @property
    def is_long(self) -> bool:
        """Whether the summary is too long to read at a glance."""
        return len(self.summary) > _LONG


def card_views(cards: Any, rules: Collection[str]) -> list[CardView]:
    """The cards in the order of the answer; `rules` are those that have a page."""
    return [_view(card, number, rules) for number, card in enumerate(objects(cards or []))]


def _view(card: Json, number: int, rules: Collection[str]) -> CardView:
    indicator = text(card.get("indicator"))
    topic = text(at(card, "source", "topic", "code"))
    address = _web(at(card, "source", "url"))
    links = [(_web(link.get("url")), text(link.get("label"))) for link in objects(card.get("links") or [])]
    reasons = [text(reason.get("display")) or text(reason.get("code")) for reason in _reasons(card)]
    return CardView(
        topic=topic or f"card-{number}",
        indicator=indicator if indicator in _INDICATORS else "info",
        word=_INDICATORS.get(indicator, indicator or "No indicator"),
        summary=text(card.get("summary")) or "A card without a summary",
        detail=text(card.get("detail")),
        source=text(at(card, "source", "label")) or "not stated",
        address=address,
        rule=topic if topic in rules else "",
        one_only=card.get("selectionBehavior") == "at-most-one",
        suggestions=[_suggestion(suggestion) for suggestion in objects(card.get("suggestions") or [])],
        links=[(url, label or url) for url, label in links if url and url != address],
        reasons=reasons[:MOST_REASONS],
    )


def _suggestion(suggestion: Json) -> SuggestionView:
    described = [text(action.get("description")) for action in objects(suggestion.get("actions") or [])]
    label = text(suggestion.get("label")) or "A suggestion without a label"
    return SuggestionView(label, suggestion.get("isRecommended") is True, [words for words in described if words])


def _reasons(card: Json) -> list[Json]:
    return objects(card.get("overrideReasons") or [])


def _web(url: Any) -> str:
    """The address if it is a web address; anything else, such as a script, does not become a link."""
    return url if isinstance(url, str) and url.startswith(_WEB) else ""
