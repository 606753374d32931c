"""Implants and the safety of MRI (decisions D28, D29): unknown is neither unsafe nor safe."""

from __future__ import annotations

from msgspec import Struct

from cards.language.finding import finding
from cards.record.chart import Chart
from cards.record.facts import Fact, Implant, Problem

PACEMAKER = "device.cardiac-pacemaker"
COCHLEAR = "device.cochlear-implant"

_CARDIAC = (PACEMAKER, "device.cardiac-resynchronisation", "device.implantable-defibrillator")
_ASSIST, _STIMULATOR = "device.ventricular-assist", "device.neurostimulator"
IMPLANTS = (*_CARDIAC, _ASSIST, _STIMULATOR, COCHLEAR)

# A Condition says that there is an implant, not what its label allows; a Device of that kind takes precedence.
_CODED_IMPLANTS: dict[str, tuple[str, ...]] = {
    "condition.pacemaker-or-defibrillator": _CARDIAC,
    "condition.ventricular-assist": (_ASSIST,),
    "condition.neurostimulator": (_STIMULATOR,),
    "condition.cochlear-implant": (COCHLEAR,),
    "condition.retained-metal": (),
}
_RANK = ("safe", "conditional", "unknown", "unsafe")


class MrSafety(Struct, frozen=True):
    """The worst MR safety of the implants on record, and the record that states it; level `none` without implants."""

    level: str
    fact: Fact | None = None

    @property
    def is_hazard(self) -> bool:
        """Whether the level is unsafe or unknown."""
        return self.level in ("unsafe", "unknown")


@finding(*IMPLANTS, "device.mr-safety", *_CODED_IMPLANTS)
def implants(chart: Chart) -> list[MrSafety]:
    """Every implant on record with its MR safety, the worst first."""
    devices: list[Implant] = chart.devices(*IMPLANTS)
    stated: list[tuple[str, Fact]] = [(device.safety, device) for device in devices]
    stated += [("unsafe", device) for device in chart.unsafe_devices()]
    for key, kinds in _CODED_IMPLANTS.items():
        problems: list[Problem] = chart.problems(key)
        if not problems or any(set(kinds) & set(device.keys) for device in devices):
            continue
        stated += [("unknown", problem) for problem in problems]
    stated.sort(key=lambda implant: (_RANK.index(implant[0]), implant[1].reference), reverse=True)
    return [MrSafety(level, fact) for level, fact in stated]


@finding(implants)
def mr_safety(chart: Chart) -> MrSafety:
    """The MR safety of the patient: the worst of several implants decides."""
    return next(iter(implants(chart)), MrSafety("none"))
