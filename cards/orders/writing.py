"""Orders as JSON: output is strict, although input is read tolerantly.

The first order of every shape is built, validated with fhir.resources (R4B) and kept as a form. Later orders of the
same shape differ only in ids, text, dates and references, which are filled in.
"""

from __future__ import annotations

import re
from functools import cached_property

import msgspec

from cards.language.verdict import Plan
from cards.orders.catalogue import MOST_REASONS, order_resource
from cards.orders.context import OrderContext
from cards.orders.validity import Json, r4_fault

_LONGEST_NOTE = 10_000  # characters
_STRING = re.compile(r"[ \r\n\t\S]+")  # R4
_FILLED_IN = frozenset(
    {
        "id", "subject", "encounter", "authoredOn", "effectiveDateTime", "requester", "occurrenceDateTime",
        "reasonReference", "note", "payload",
    }
)  # fmt: skip
_MOST_FORMS = 1000

_encode = msgspec.json.Encoder().encode
_forms: dict[tuple[object, ...], tuple[bytes, ...]] = {}  # by shape, oldest first

Elements = dict[bytes, bytes]
"""Elements by name, as JSON."""
_Stated = tuple[str, str, tuple[str, ...]]  # a note, a date and references


class InvalidOrderError(ValueError):
    """The order would be invalid R4 because of something in the request (ids); the message does not repeat it."""


class OrderWriter:
    """Writes the orders of one answer, nearly all of which have the same elements filled in."""

    def __init__(self, context: OrderContext) -> None:
        self._context = context
        self.new_id = context.new_id
        self._requested = context.encounter is None, frozenset(context.requesters)  # the request's part of a shape
        self._stated: dict[_Stated, tuple[Elements, frozenset[str]]] = {}

    def write(self, plan: Plan) -> bytes:
        """The draft resource of a plan, valid R4, under a temporary id. Raises InvalidOrderError."""
        stated = plan.note, plan.occurrence, plan.reasons[:MOST_REASONS]
        known = self._stated.get(stated)
        if known is None:
            known = self._stated[stated] = self._elements(*stated), frozenset(map(_type, stated[2]))
        elements, types = known
        elements[b"id"] = b'"%b"' % self.new_id().encode()
        return b"".join([elements.get(part, part) for part in self._form(plan, types)])

    def _elements(self, note: str, occurrence: str, reasons: tuple[str, ...]) -> Elements:
        """The elements that are filled in: those of the request and those that plans state."""
        if not all(map(_is_string, (self._context.subject["reference"], note, occurrence, *reasons))):
            raise InvalidOrderError("a suggested order holds what is no string of R4")
        elements = dict(self._of_request)
        if note:
            elements |= _written(note=[{"text": note}], payload=[{"contentString": note}])
        if occurrence:
            elements |= _written(occurrenceDateTime=occurrence)
        if reasons:
            elements |= _written(reasonReference=[{"reference": reference} for reference in reasons])
        return elements

    @cached_property
    def _of_request(self) -> Elements:
        context = self._context
        return _written(
            subject=context.subject,
            encounter=context.encounter,
            authoredOn=context.authored,
            effectiveDateTime=context.authored,
            requester=next(iter(context.requesters.values()), None),
        )

    def _form(self, plan: Plan, types: frozenset[str]) -> tuple[bytes, ...]:
        """The form for the plan's shape; apart from ids and texts, the shape decides whether the order is valid."""
        own = self._context.overlay.get(plan.key)
        shape = (
            plan.key,
            plan.priority,
            plan.side,
            plan.indication,
            plan.emergencies,
            bool(plan.note),
            bool(plan.occurrence),
            types,
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


def _form(resource: Json) -> tuple[bytes, ...]:
    """The resource as parts of JSON; each element to fill in is given by its name. Raises InvalidOrderError."""
    fault = r4_fault(resource)
    if fault is not None:
        raise InvalidOrderError(f"a suggested {resource['resourceType']} is not valid R4: {fault}")
    parts, constant = [], b"{"
    for name, value in resource.items():
        constant += _encode(name) + b":"
        if name in _FILLED_IN:
            parts += [constant, name.encode()]
            constant = b","
        else:
            constant += _encode(value) + b","
    return (*parts, constant.rstrip(b",") + b"}")


def _written(**elements: object) -> Elements:
    return {name.encode(): _encode(value) for name, value in elements.items()}


def _type(reference: str) -> str:
    return reference.partition("/")[0]


def _is_string(text: str) -> bool:
    """Whether R4 allows the text as a string; the empty text, which is not sent, counts as allowed."""
    if not text:
        return True
    if len(text) > _LONGEST_NOTE or text.isspace():
        return False
    return text.isprintable() or _STRING.fullmatch(text) is not None
