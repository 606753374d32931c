"""Orders as JSON: strict out, where what came in was read tolerantly.

The first order of every shape is built, validated with fhir.resources (R4B) and kept as a form. Later ones of the
same shape differ only in ids, text, dates and references, which are filled in.
"""

from __future__ import annotations

import re

import msgspec

from cards.language.verdict import Plan
from cards.orders.catalogue import MOST_REASONS, order_resource
from cards.orders.context import OrderContext
from cards.orders.validity import Json, r4_fault

_LONGEST_NOTE = 10_000  # characters
_STRING = re.compile(r"[ \r\n\t\S]+")  # R4
_FILLED_IN = frozenset(
    {
        *("id", "subject", "encounter", "authoredOn", "effectiveDateTime", "requester"),
        *("occurrenceDateTime", "reasonReference", "note", "payload"),
    }
)
_MOST_FORMS = 1000

_encode = msgspec.json.Encoder().encode
_forms: dict[tuple[object, ...], bytes] = {}  # by shape, the oldest first


class InvalidOrderError(ValueError):
    """What the request states (ids) makes the order invalid R4; the message holds nothing of it."""


class OrderWriter:
    """Writes the orders of one answer."""

    def __init__(self, context: OrderContext) -> None:
        self._context = context
        self.new_id = context.new_id
        self._requested = context.encounter is None, frozenset(context.requesters)  # what it adds to a shape
        self._texts: dict[str, bytes] = {}
        self._elements = {
            b"encounter": _encode(context.encounter),
            b"authoredOn": _encode(context.authored),
            b"effectiveDateTime": _encode(context.authored),
            b"requester": _encode(next(iter(context.requesters.values()), None)),
        }

    def write(self, plan: Plan) -> bytes:
        """The draft resource of a plan, valid R4, under a temporary id. Raises InvalidOrderError."""
        elements = self._elements | {b"id": b'"%b"' % self.new_id().encode()}
        elements[b"subject"] = self._reference(self._context.subject["reference"])
        if plan.note:
            note = self._text(plan.note)
            elements[b"note"], elements[b"payload"] = b'[{"text":%b}]' % note, b'[{"contentString":%b}]' % note
        if plan.occurrence:
            elements[b"occurrenceDateTime"] = self._text(plan.occurrence)
        if plan.reasons:
            elements[b"reasonReference"] = b"[%b]" % b",".join(map(self._reference, plan.reasons[:MOST_REASONS]))
        return self._form(plan) % elements

    def _reference(self, to: str) -> bytes:
        return b'{"reference":%b}' % self._text(to)

    def _text(self, text: str) -> bytes:
        """A text as JSON; nearly all orders of an answer hold the same ones."""
        written = self._texts.get(text)
        if written is None:
            if not _is_string(text):
                raise InvalidOrderError("a suggested order holds what is no string of R4")
            written = self._texts[text] = _encode(text)
        return written

    def _form(self, plan: Plan) -> bytes:
        """The form of the plan's shape: what decides whether it is valid, but for ids and texts."""
        own = self._context.overlay.get(plan.key)
        shape = (
            plan.key,
            plan.priority,
            plan.side,
            plan.indication,
            plan.emergencies,
            bool(plan.note),
            bool(plan.occurrence),
            plan.reasons and frozenset([reference.partition("/")[0] for reference in plan.reasons[:MOST_REASONS]]),
            tuple((system, codes[0]) for system, codes in own.items() if codes) if own else (),
            self._requested,
        )
        form = _forms.get(shape)
        if form is None:
            form = _form(order_resource(plan, self._context))
            if len(_forms) >= _MOST_FORMS:
                del _forms[next(iter(_forms))]
            _forms[shape] = form
        return form


def _form(resource: Json) -> bytes:
    """The resource as JSON, with room for the elements that are filled in. Raises InvalidOrderError."""
    fault = r4_fault(resource)
    if fault is not None:
        raise InvalidOrderError(f"a suggested {resource['resourceType']} is not valid R4: {fault}")
    elements = (
        b'"%b":%b' % (name.encode(), b"%%(%b)b" % name.encode() if name in _FILLED_IN else _constant(value))
        for name, value in resource.items()
    )
    return b"{%b}" % b",".join(elements)


def _constant(value: object) -> bytes:
    return _encode(value).replace(b"%", b"%%")


def _is_string(text: str) -> bool:
    """Whether a text is one that R4 allows."""
    if len(text) > _LONGEST_NOTE or text.isspace():
        return False
    return text.isprintable() or _STRING.fullmatch(text) is not None
