"""Whether a resource to be sent is valid R4, by the model and the required bindings that the model does not check."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from pydantic import ValidationError

Json = dict[str, Any]

_SENT = frozenset({"ServiceRequest", "DeviceRequest", "MedicationRequest", "Observation", "Communication"})
_AND_MORE = "+"  # in the model: stands for the codes of a long list that the specification shortens


def r4_fault(resource: Json) -> str | None:
    """Why a resource is not valid R4 (model and required bindings), without quoting it; None if it is valid."""
    kind = resource.get("resourceType")
    if not isinstance(kind, str) or kind not in _SENT:
        return "it is of no type that is sent"
    for element, allowed in _required_bindings(kind).items():
        value = resource.get(element)
        if not isinstance(value, str | None) or value not in allowed:
            return f"{element} is not in its required binding"
    try:
        model = _model(kind).model_validate(resource)
    except (ValidationError, ValueError, TypeError) as error:
        return type(error).__name__
    return None if _is_as_written(resource, model) else "a value is empty or of another JSON type than its element"


def _is_as_written(written: Any, read: Any) -> bool:
    """Whether the model read every value as its actual JSON type, and no value is empty.

    The model accepts 0 as a date, "3" as a number, 1 or "yes" as a boolean, and ignores empty members.
    """
    if written is None or written in ("", [], {}):
        return False
    if isinstance(written, dict):
        fields = {field.alias or name: name for name, field in type(read).model_fields.items()}
        return all(_is_as_written(value, getattr(read, fields[key])) for key, value in written.items() if key in fields)
    if isinstance(written, list):
        return all(_is_as_written(value, inner) for value, inner in zip(written, read, strict=True))
    if isinstance(written, bool) or isinstance(read, bool):
        return isinstance(written, bool) and isinstance(read, bool)
    if isinstance(written, str):
        return not isinstance(read, int | float | Decimal) and not written.isspace()
    return isinstance(read, int | float | Decimal)


def _model(kind: str) -> Any:
    from fhir.resources.R4B import (
        get_fhir_model_class,
    )  # takes a quarter of a second, so only code that writes orders loads it

    return get_fhir_model_class(kind)


@cache
def _required_bindings(kind: str) -> Mapping[str, frozenset[str | None]]:
    """The codes of each element with a required binding, including None where the element may be missing.

    fhir.resources names the codes in its models but does not check them. For Observation.status it names only
    the first four; this is stricter than R4, but every finding that we send is `registered`.
    """
    bindings: dict[str, frozenset[str | None]] = {}
    for element, field in _model(kind).model_fields.items():
        facts = field.json_schema_extra or {}
        if "enum_values" in facts:
            missing = () if facts.get("element_required") else (None,)
            bindings[element] = frozenset({*facts["enum_values"], *missing} - {_AND_MORE})
    return bindings
