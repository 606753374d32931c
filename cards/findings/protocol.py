"""Which lumbar imaging to request, by contrast, pregnancy and implants (clinical.md 2.2 lumbar-mri, C10; D29)."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from cards.findings.mr_safety import mr_safety
from cards.findings.red_flags import cancer_or_infection
from cards.language.finding import finding
from cards.record.chart import Chart
from cards.record.facts import Procedure

FIXATION = "procedure.spinal-fixation"
SURGERY = ("procedure.lumbar-decompression", FIXATION)
AFTER_SURGERY = timedelta(days=365)  # a judgement: later weakness does not go to the operating surgeon first


class Protocol(NamedTuple):
    """A lumbar MRI: the order's key, its words, and whether it also includes contrast."""

    key: str
    words: str
    has_contrast: bool


_PLAIN = Protocol("order.mri-lumbar", "without contrast", has_contrast=False)
_CONTRAST = Protocol("order.mri-lumbar-contrast", "without and with contrast", has_contrast=True)


@finding(*SURGERY, cancer_or_infection, "condition.pregnancy")
def lumbar_protocol(chart: Chart) -> Protocol:
    """The protocol: with and without contrast after surgery and in cancer or infection, but never in pregnancy."""
    wants_contrast = chart.procedures(*SURGERY) or cancer_or_infection(chart)
    return _CONTRAST if wants_contrast and not chart.problems("condition.pregnancy") else _PLAIN


@finding(lumbar_protocol, mr_safety)
def lumbar_imaging(chart: Chart) -> tuple[str, str]:
    """The order key and its name: MRI by the protocol, or CT if an implant is unsafe for MRI."""
    if mr_safety(chart).level == "unsafe":
        return "order.ct-lumbar", "CT of the lumbar spine (MRI is unsafe)"
    protocol = lumbar_protocol(chart)
    return protocol.key, f"lumbar MRI, {protocol.words}"


def recent_surgery(chart: Chart) -> list[Procedure]:
    """Spinal operations of the last year and those without a date."""
    operations = chart.procedures(*SURGERY)
    return [operation for operation in operations if not operation.when or chart.within(operation.when, AFTER_SURGERY)]
