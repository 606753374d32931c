"""Changes of a draft order: the whole draft as it came, but for what is changed (never a patch)."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from typing import Any

import msgspec

from cards.orders.validity import Json, r4_fault
from cards.record.facts import Draft

_decode_exactly = msgspec.json.Decoder(float_hook=Decimal).decode
_encode_exactly = msgspec.json.Encoder(decimal_format="number").encode

_MINUTES = {"min": 1, "h": 60, "d": 1440, "wk": 7 * 1440}
_GRAM = 1000
# What a number of more digits than Python reads raises, or one beyond what a float holds.
_NO_NUMBER = (msgspec.MsgspecError, ArithmeticError, ValueError, RecursionError)
LONGEST_DRAFT = 64 * 1024  # bytes: a longer one is judged, and not sent back


def echo(draft: Draft, priority: str) -> bytes | None:
    """The whole draft with another priority; None when it is too long, or no valid R4 resource with an id.

    Decimals keep their text: FHIR's precision is significant.
    """
    resource = _whole(draft)
    if resource is None:
        return None
    resource["priority"] = priority
    return _if_valid(resource)


def redose(draft: Draft, daily_mg: float, step_mg: float, times_a_day: int | None = None) -> bytes | None:
    """The whole draft with each dose lowered so that the day stays within `daily_mg`, taken so many times a day.

    How often it is taken stays as written when `times_a_day` is None. Only for a draft with one dosage instruction that
    states amount and timing. The dose is a multiple of `step_mg`; when even one step is too much at that frequency, or
    the draft is too long or not valid R4, None.
    """
    resource = _whole(draft)
    instructions = resource.get("dosageInstruction") if resource else None
    if resource is None or not isinstance(instructions, list) or len(instructions) != 1:
        return None
    try:
        if times_a_day is not None:
            _retime(instructions[0], times_a_day)
        lowered = _lower(instructions[0], Decimal(str(daily_mg)), Decimal(str(step_mg)))
    except (KeyError, TypeError, ArithmeticError, IndexError, ValueError, AttributeError):
        return None
    if not lowered:
        return None
    if "text" in instructions[0]:
        del instructions[0]["text"]  # the words said the old dose
    return _if_valid(resource)


def _retime(instruction: Any, times_a_day: int) -> None:
    """So many times a day, within the bounds that are written; a code of the old timing would say otherwise."""
    written = instruction["timing"]["repeat"]
    bounds = {element: value for element, value in written.items() if element.startswith("bounds")}
    instruction["timing"] = {"repeat": {**bounds, "frequency": times_a_day, "period": 1, "periodUnit": "d"}}


def _lower(instruction: Any, daily: Decimal, step: Decimal) -> bool:
    repeat = instruction["timing"]["repeat"]
    minutes = Decimal(repeat["period"]) * _MINUTES[repeat["periodUnit"]]
    rates = instruction["doseAndRate"]
    quantity = rates[0]["doseQuantity"]
    unit = quantity.get("code", quantity.get("unit"))
    if len(rates) != 1 or unit not in ("mg", "g"):
        return False
    # Divided once: a day's share of a week, rounded first, would cost a capsule.
    steps = daily * minutes / (Decimal(repeat["frequency"]) * _MINUTES["d"] * step)
    dose = steps.to_integral_value(ROUND_FLOOR) * step
    if dose <= 0:
        return False
    value = dose / _GRAM if unit == "g" else dose
    quantity["value"] = value.normalize() if value != value.to_integral_value() else Decimal(int(value))
    return True


def _whole(draft: Draft) -> Json | None:
    """The draft as JSON objects, and the patient's; None when nothing can be sent back of it."""
    if len(draft.raw) > LONGEST_DRAFT:
        return None
    try:
        resource = _decode_exactly(draft.raw)
    except _NO_NUMBER:
        return None
    if not isinstance(resource, dict) or not isinstance(resource.get("id"), str):
        return None
    if resource.get("subject") is None and draft.subject:
        resource["subject"] = {"reference": draft.subject}
    return resource


def _if_valid(resource: Json) -> bytes | None:
    try:
        written = _encode_exactly(resource)
        plain = msgspec.json.decode(written)
    except _NO_NUMBER:
        return None
    return None if r4_fault(plain) else written
