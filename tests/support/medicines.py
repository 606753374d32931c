"""Medicines in FHIR R4: the ingredient given by code, display or text, the day's dose by the instructions."""

import re

from cards.value_sets.systems import RXNORM
from cards.value_sets.value_set import VALUE_SETS
from tests.support.encodings import ALIASES, SITE_CODES, Encoding, Json

_MEDICINES = {key.removeprefix("medication."): vs for key, vs in VALUE_SETS.items() if key.startswith("medication.")}


def ingredient(write: Encoding, code: str) -> Json:
    """The concept of a medicine, without anything that would make it another medicine too."""
    name = ALIASES.get(code, code)
    names, codes = _of_key(name) if name in _MEDICINES else ([name], _of_name(name))
    spoken = write.pick(names)
    forms: list[Json] = [write.concept(write.coding(RXNORM, rx, display)) for rx, display in codes.items()]
    forms.append({"text": spoken})
    if write.choose is not None:
        text = write.pick([spoken.upper(), f"{spoken.title()} 10 mg oral tablet", f"take {spoken}, as agreed"])
        forms.append({"text": text})
        forms.append({"coding": [{"system": SITE_CODES, "code": "MED-1", "display": spoken.title()}]})
    return write.pick(forms)


def _of_key(name: str) -> tuple[list[str], dict[str, str]]:
    """Names and codes of a key, without those of a narrower key (tramadol among the opioids)."""
    values = _MEDICINES[name]
    others = [other for key, other in _MEDICINES.items() if key != name]
    spoken = {word for key, other in _MEDICINES.items() if key != name for word in (*other.names, key)}
    codes = values.codes.get(RXNORM, {})
    names = [word for word in (values.names or (name,)) if word not in spoken]
    if not names:
        return [name], dict(codes)
    coded = {rx for other in others for rx in other.codes.get(RXNORM, {})}
    return names, {rx: display for rx, display in codes.items() if rx not in coded}


def _of_name(name: str) -> dict[str, str]:
    """The codes of the keys that list the name, if their display says that they are exactly this medicine."""
    word = re.compile(rf"\b{re.escape(name)}\b", re.IGNORECASE)
    return {
        rx: display
        for values in _MEDICINES.values()
        if name in values.names
        for rx, display in values.codes.get(RXNORM, {}).items()
        if word.search(display)
    }


def dose(write: Encoding, daily_mg: float | None) -> Json:
    """Instructions that add up to the day's dose; without a dose, instructions that leave it unknown."""
    if daily_mg is None:
        return write.pick([
            {},
            {"dosageInstruction": [{"text": "as needed"}]},
            {"dosageInstruction": [_amount(write, 9000, "mg")]},
            {"dosageInstruction": [_every(3, 1, "d")]},
            {"dosageInstruction": [_every(3, 1, "d") | _amount(write, 900, "{tbl}")]},
            {"dosageInstruction": [_take(write, 9000, 1, 1, "d"), {"text": "one more in pain"}]},
        ])  # fmt: skip
    if daily_mg % 4 == 0 and write.chance(0.2):
        quarter = daily_mg / 4
        return {"dosageInstruction": [_take(write, quarter, 1, 1, "d"), _take(write, quarter, 3, 1, "d")]}
    parts = [(daily_mg, 1, 1, "d"), (daily_mg, 1, 24, "h"), (daily_mg * 2, 1, 2, "d"), (daily_mg, 7, 1, "wk")]
    parts += [(daily_mg / times, times, 1, "d") for times in (2, 3, 4) if daily_mg % times == 0]
    parts += [(daily_mg / 2, 1, 12, "h"), (daily_mg / 2, 1, 720, "min")] if daily_mg % 2 == 0 else []
    return {"dosageInstruction": [_take(write, *write.pick(parts))]}


def _take(write: Encoding, amount: float, frequency: int, period: int, unit: str) -> Json:
    grams = write.pick([False, True])
    measured = _amount(write, amount / 1000, "g") if grams else _amount(write, amount, "mg")
    return _every(frequency, period, unit) | measured


def _every(frequency: int, period: int, unit: str) -> Json:
    return {"timing": {"repeat": {"frequency": frequency, "period": period, "periodUnit": unit}}}


def _amount(write: Encoding, value: float, unit: str) -> Json:
    return {"doseAndRate": [{"doseQuantity": write.quantity(value, unit)}]}
