"""The hooks that are answered, each by its own service."""

from __future__ import annotations

from msgspec import Struct

from service.wire.refusal import RefusedError


class Hook(Struct, frozen=True):
    """A hook that we answer: the title and description of its service, and its version in the hook library."""

    title: str
    description: str
    version: str = "1.0"


HOOKS = {
    "patient-view": Hook(
        "Foot drop: what the chart asks for",
        "Recognises foot drop from a spinal nerve source and its danger signs when a chart is opened, and "
        "suggests imaging, electrodiagnosis, an orthosis and surgical advice that have not been arranged yet. It does "
        "not detect cauda equina syndrome without foot drop, and it does not read free text.",
    ),
    "order-select": Hook(
        "Foot drop: orders as they are selected",
        "Warns if an order for a patient with foot drop should wait for urgent imaging or is unsafe.",
    ),
    "order-sign": Hook(
        "Foot drop: orders before they are signed",
        "The final check of orders for a patient with foot drop: only what must be seen before signing.",
    ),
    "problem-list-item-create": Hook(
        "Foot drop: a new problem",
        "What a new problem calls for if it concerns foot drop, cauda equina, the cord, cancer or spinal infection.",
        "0.1.0",
    ),
    "encounter-discharge": Hook(
        "Foot drop: before the patient leaves",
        "What is outstanding for a patient who is discharged with foot drop, and when to return.",
    ),
}


def service_id(hook: str) -> str:
    """The id of the service that answers a hook."""
    return f"foot-drop-{hook}"


def check_hook(hook: str) -> None:
    """Raise RefusedError for a hook that we do not answer."""
    if hook not in HOOKS:
        raise RefusedError(f"this hook is not supported; this service answers: {', '.join(HOOKS)}", "hook")
