"""Changes of a draft order: the whole draft as received except for what is changed (never a patch)."""

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
# Raised for a number with more digits than Python reads, or beyond the range of a float.
_NO_NUMBER = (msgspec.MsgspecError, ArithmeticError, ValueError, RecursionError)
LONGEST_DRAFT = 64 * 1024  # bytes: a longer draft is evaluated but not sent back


def echo(draft: Draft, priority: str) -> bytes | None:
    """The whole draft with another priority; None if it is too long or is not a valid R4 resource with an id.

    Decimals keep their text, because precision is significant in FHIR.
    """
    resource = _whole(draft)
    if resource is None:
        return None
    resource["priority"] = priority
    return _if_valid(resource)


def redose(draft: Draft, daily_mg: float, step_mg: float, times_a_day: int | None = None) -> bytes | None:
    """The whole draft with the dose lowered so that a day's total stays within `daily_mg`, taken `times_a_day`.

    The frequency stays as written if `times_a_day` is None. The dose is a multiple of `step_mg`. The result is None
    unless the draft has one dosage instruction that states amount and timing; None also if even one step is too much
    at that frequency, or if the draft is too long or not valid R4.
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
        del instructions[0]["text"]  # the text states the old dose
    return _if_valid(resource)


def _retime(instruction: Any, times_a_day: int) -> None:
    """Set the frequency and keep the written bounds; drop a code for the old timing, which would contradict it."""
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
    # Divided only once: rounding a day's share of a week first would lose a capsule.
    steps = daily * minutes / (Decimal(repeat["frequency"]) * _MINUTES["d"] * step)
    dose = steps.to_integral_value(ROUND_FLOOR) * step
    if dose <= 0:
        return False
    value = dose / _GRAM if unit == "g" else dose
    quantity["value"] = value.normalize() if value != value.to_integral_value() else Decimal(int(value))
    return True


def _whole(draft: Draft) -> Json | None:
    """The draft as JSON objects, with its patient as subject; None if it cannot be sent back."""
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
