"""The facts that make up a drawn patient: their words, their times at the edge of every window, their statuses."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from hypothesis import strategies as st

Facts = dict[str, Any]
Drawn = tuple[str, Facts]  # a member of the facts, and one fact of it
Strategy = st.SearchStrategy[list[Drawn]]

RED_FLAGS = ("saddle-sensation", "bladder-dysfunction", "bowel-dysfunction", "anal-tone", "sexual-dysfunction")
UMN_SIGNS = ("babinski", "clonus", "hyperreflexia", "spasticity", "sensory-level")
SENSATIONS = frozenset({"saddle-sensation", "anal-tone", "sensation-dorsum-foot"})
MRI = ("mri-lumbar", "mri-lumbar-contrast", "mri-whole-spine", "mri-whole-spine-contrast")

# Days before the end of a window, at its last moment and just after it; hours as parts of a day.
ONSETS = (0, 3, 1, 7, 14, 14.1, 42, 42.1, 84, 84.1, 90, 90.1, 180, 180.1, 13.9, 20, 28.1, 60, 400, None)
FOUND = (0, 1, 0.5, 3, 5, 7, 7.1, 10, 13.9, 14, 14.1, 15, 20, 28, 30, 30.1, 0.02, None)
ORDERED = (0, 1, 3, 7, 7.1, 4 / 24, 0.17, 0.05, 14, 15, 29, 30, 30.1, 60, 90, 90.1, 100, None)
REPORTED = (0, 1, 3, 0.1, 8, 14, 20, 28, 40, 84, 90, 90.1, 190, 414, None)
HURT = (0, 0.5, 1, 1.1, 3, 7, 7.1, 30, None)

_STATUSES = (
    *["active"] * 30, "?confirmed", "?provisional", "?differential", "recurrence", "relapse",
    "inactive", "remission", "resolved", "?refuted", "?entered-in-error",
)  # fmt: skip
SUSPECTS = (
    "stroke-leg-weakness", "hereditary-neuropathy", "motor-neurone-disease", "polyneuropathy", "spinal-cord-injury",
    "peroneal-neuropathy", "cancer-active", "spinal-infection-risk", "comfort-care-only", "lumbar-disc-herniation",
    "lumbar-stenosis", "spasticity", "hyperreflexia", "foot-ulcer", "cauda-equina-syndrome", "saddle-sensory-loss",
    "bladder-dysfunction", "bowel-dysfunction", "sexual-dysfunction", "pacemaker-or-defibrillator",
    "cochlear-implant", "retained-metal", "central-disease", "cancer-history", "palliative-care", "stroke-acute",
)  # fmt: skip
RISKS = (
    "chronic-kidney-disease", "copd", "sleep-apnoea", "heart-failure", "cirrhosis", "substance-use-disorder",
    "angle-closure-glaucoma", "peptic-ulcer-history",
)  # fmt: skip
ORDERS = (
    *MRI, "emg-ncs", "spine-surgery-consult", "mri-brain", "ct-lumbar", "ct-myelogram-lumbar", "xray-lumbar",
    "neurology-referral", "physiotherapy-referral", "orthotist-referral", "pressure-care-plan", "skin-assessment",
    "spinal-precautions", "mobilisation-order", "bladder-scan", "bp-monitoring",
)  # fmt: skip
DRUGS = ("gabapentin", "pregabalin", "duloxetine", "ibuprofen", "naproxen", "diclofenac")
MEDICINES = (
    *DRUGS, "paracetamol", "amitriptyline", "nortriptyline", "oxycodone", "tramadol", "diazepam", "apixaban",
    "aspirin", "clopidogrel", "prednisolone", "sertraline", "fluvoxamine", "venlafaxine", "ciprofloxacin",
    "linezolid", "phenelzine", "omeprazole", "misoprostol", "lisinopril",
)  # fmt: skip


def fact(member: str, **parts: st.SearchStrategy[Any] | object) -> Strategy:
    """One fact of a member; any part drawn as None is left out."""
    drawn = {name: part if isinstance(part, st.SearchStrategy) else st.just(part) for name, part in parts.items()}
    return st.fixed_dictionaries(drawn).map(
        lambda found: [(member, {name: value for name, value in found.items() if value is not None})]
    )


def finding(code: object, value: object, days: st.SearchStrategy[Any] | object, side: object = None) -> Strategy:
    """One Observation; now and then its status does not count."""
    statuses = st.sampled_from([None] * 40 + ["preliminary", "entered-in-error", "cancelled", "unknown"])
    return fact("observations", code=code, value=value, daysAgo=days, side=side, status=statuses)


def one_of(*options: Any) -> st.SearchStrategy[Any]:
    """One of these values."""
    return st.sampled_from(options)


def sides_by(home: str | None) -> st.SearchStrategy[str | None]:
    """Mostly the side of the patient's trouble."""
    return one_of(*[home] * 8, "right", "left", "bilateral", None)


def together(drawn: Iterable[Drawn]) -> Facts:
    """The facts by member."""
    facts: Facts = {}
    for member, one in drawn:
        facts.setdefault(member, []).append(one)
    return facts


def all_of(*pieces: Strategy) -> Strategy:
    """Several pieces at once, one after the other."""
    return st.tuples(*pieces).map(lambda drawn: [one for piece in drawn for one in piece])


def problem(code: object, onset: object = None, side: object = None, member: str = "conditions") -> Strategy:
    """A problem, mostly active and confirmed."""
    onset = one_of(*ONSETS) if onset is None else onset
    drawn = fact(member, code=code, status=one_of(*_STATUSES), side=side, onsetDaysAgo=onset)
    return drawn.map(lambda found: [(member, _of_status(**one)) for _, one in found])


def _of_status(status: str, **one: Any) -> Facts:
    """A problem by its clinical status, or by its verification status with a question mark before it."""
    if status.startswith("?"):
        return {**one, "verification": status[1:]}
    return {**one, "clinical": status, "verification": "confirmed"}


def order(code: object, member: str = "serviceRequests") -> Strategy:
    """An order of any status, priority and time; now and then the patient refused it, or it must not be performed."""
    status = one_of(
        *["active"] * 6, None, "on-hold", "draft", "completed", "completed", "cancelled", "entered-in-error"
    )
    priority = one_of(None, "routine", "urgent", "asap", "stat")
    refused = {"status": "revoked", "reason": "patient-declined"}
    days = one_of(*ORDERED)
    forbidden = st.sampled_from([None] * 20 + [True]) if member == "serviceRequests" else st.none()
    asked = fact(member, code=code, status=status, priority=priority, daysAgo=days, doNotPerform=forbidden)
    return st.one_of(asked, asked, asked, fact(member, code=code, daysAgo=days, **refused))


def yes(code: str) -> str:
    """The abnormal answer of a finding."""
    return "reduced" if code in SENSATIONS else "positive" if code in ("slr", "tinel-fibular-head") else "present"


def no(code: str) -> str:
    """The normal answer of a finding."""
    return "normal" if code in SENSATIONS else "negative" if code in ("slr", "tinel-fibular-head") else "absent"


def implant() -> Strategy:
    """An implant, mostly a pacemaker that is unsafe in MRI."""
    return fact(
        "devices",
        code=one_of("cardiac-pacemaker", "cochlear-implant", "insulin-pump"),
        mrSafety=one_of("unsafe", "unsafe", "conditional", "safe", None),
        status=one_of(None, "active", "inactive", "entered-in-error"),
    )


def medicine() -> Strategy:
    """A medicine, mostly taken now."""
    return fact(
        "medications", code=one_of(*MEDICINES), status=one_of("active", "active", "active", "stopped", "on-hold")
    )


@cache
def person() -> st.SearchStrategy[Facts]:
    """Age and sex; either is sometimes unknown."""
    person = st.fixed_dictionaries({
        "age": one_of(58, 45, None, 3, 17, 18, 24, 25, 64, 65, 82),
        "sex": one_of("female", "male", "other", None),
    })  # fmt: skip
    return person.map(lambda found: {name: value for name, value in found.items() if value is not None})


@cache
def encounter(is_hurt: bool) -> st.SearchStrategy[Facts | None]:
    """Where the patient is seen; injured patients are mostly in hospital."""
    stays = ("IMP", "ACUTE", "NONAC", "EMER") if is_hurt else ("AMB", "IMP", "EMER")
    return st.none() | st.fixed_dictionaries({"class": one_of(*stays)})
