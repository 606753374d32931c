"""Requests and answers as JSON Schema: what is required of a request, not all that is understood."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

TEXT = {"type": "string", "minLength": 1}
_SEEN = {"type": "string", "pattern": "[^\\s\\x00-\\x1f\\x7f-\\x9f]"}
_VISIBLE = {"type": "string", "pattern": "[!-~]", "maxLength": 200}
_ID = {"type": "string", "pattern": "^[A-Za-z0-9.-]{1,64}$"}


def _object(required: Json, **optional: Any) -> Json:
    demanded = {"required": list(required)} if required else {}
    return {"type": "object", "properties": required | optional} | demanded


def _list(of: Json, **more: Any) -> Json:
    return {"type": "array", "items": of} | more


def request(hook: str) -> Json:
    """The body of a hook call; the content of an optional member is judged separately and never prevents the answer."""
    needs = {"order-select": "draftOrders", "order-sign": "draftOrders", "problem-list-item-create": "conditions"}
    required = {"patientId": _ID} | ({needs[hook]: _BUNDLE} if hook in needs else {})
    context = _object(required, userId={}, encounterId={})
    return _object(
        {"hook": {"const": hook}, "hookInstance": _SEEN, "context": context},
        prefetch={"description": "Resources, or null, by prefetch key", "examples": [{"conditions": None}]},
        fhirServer={},
        fhirAuthorization={},
    )


_BUNDLE = {"description": "A Bundle", "type": "object"}
_ACCEPTED = _list(_object({"id": _VISIBLE}), minItems=1)
_TAKEN = _object(
    {"card": _VISIBLE, "outcome": {"const": "accepted"}, "acceptedSuggestions": _ACCEPTED},
    outcomeTimestamp={},
)
_OVERRIDDEN = _object(
    {"card": _VISIBLE, "outcome": {"const": "overridden"}},
    outcomeTimestamp={},
    overrideReason=_object({"reason": _object({"code": _VISIBLE})}),
)
FEEDBACK = _object({"feedback": _list({"oneOf": [_TAKEN, _OVERRIDDEN]}, minItems=1)})
_CODING = _object({"code": TEXT}, system=TEXT, display=TEXT)
_ACTION = _object({"type": {"enum": ["create", "update", "delete"]}, "description": TEXT}, resource={"type": "object"})
_SUGGESTION = _object(
    {"label": TEXT, "actions": _list(_ACTION, minItems=1)}, uuid=TEXT, isRecommended={"type": "boolean"}
)
_LINK = _object({"label": TEXT, "url": TEXT, "type": {"enum": ["absolute", "smart"]}})
_CARD = _object(
    {
        "summary": {"type": "string", "minLength": 1, "maxLength": 139},
        "indicator": {"enum": ["info", "warning", "critical"]},
        "source": _object({"label": TEXT}, url=TEXT, topic=_CODING),
    },
    uuid=TEXT,
    detail=TEXT,
    suggestions=_list(_SUGGESTION, minItems=1),
    selectionBehavior={"enum": ["any", "at-most-one"]},
    overrideReasons=_list(_CODING, minItems=1),
    links=_list(_LINK, minItems=1),
    extension={"type": "object"},
)
_SERVICE = _object({"hook": TEXT, "id": TEXT, "description": TEXT}, title=TEXT, prefetch={"type": "object"})
_ISSUE = _object({"severity": TEXT, "code": TEXT, "diagnostics": TEXT}, expression=_list(TEXT))
SCHEMAS: Json = {
    "Discovery": _object({"services": _list(_SERVICE)}),
    "Answer": _object({"cards": _list(_CARD)}),
    "Taken": {"type": "object"},
    "Refusal": _object({"resourceType": {"const": "OperationOutcome"}, "issue": _list(_ISSUE, minItems=1)}),
}
"""The schemas of answers by name."""
