"""Which lumbar imaging to ask for: contrast, pregnancy and implants decide (clinical.md 2.2 lumbar-mri, C10; D29)."""

from __future__ import annotations

from cards.findings.mr_safety import mr_safety
from cards.findings.red_flags import CANCER_OR_INFECTION
from cards.language.finding import finding
from cards.record.chart import Chart

SURGERY = ("procedure.lumbar-decompression", "procedure.spinal-fixation")


@finding(*SURGERY, *CANCER_OR_INFECTION, "condition.pregnancy")
def lumbar_protocol(chart: Chart) -> tuple[str, str]:
    """The order key and its words: with contrast too after surgery, in cancer or infection, not in pregnancy."""
    wants_contrast = chart.procedures(*SURGERY) or chart.problems(*CANCER_OR_INFECTION)
    if wants_contrast and not chart.problems("condition.pregnancy"):
        return "order.mri-lumbar-contrast", "without and with contrast"
    return "order.mri-lumbar", "without contrast"


@finding(lumbar_protocol, mr_safety)
def lumbar_imaging(chart: Chart) -> tuple[str, str]:
    """The order key and its name: MRI by the protocol, or CT when an implant is unsafe for MRI."""
    if mr_safety(chart).level == "unsafe":
        return "order.ct-lumbar", "CT of the lumbar spine (MRI is unsafe)"
    key, protocol = lumbar_protocol(chart)
    return key, f"lumbar MRI, {protocol}"
