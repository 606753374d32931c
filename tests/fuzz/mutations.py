"""Mutations of a request that know its structure; each body follows from its seed."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from tests.fuzz.values import ESCAPES, STATUSES, VALUES

STRANGER = "Stranger9q4"
"""Stands all over the records of another patient: in no answer."""

Path = tuple[Any, ...]
Place = tuple[Any, Any]
"""An object or a list, and a key of it."""

# Private-use characters stand for values that no Python object can hold, until the body is written as text.
_VALUE, _TWICE, _ESCAPE = "\ue000", "\ue001", "\ue002"
_VALUES = re.compile(f'"{_VALUE}(\\d+){_VALUE}"')
_ESCAPES = re.compile(f"{_ESCAPE}(\\d+){_ESCAPE}")
_POINTERS: list[dict[str, Any]] = [
    {"subject": {"reference": f"Patient/{STRANGER}"}},
    {"patient": {"reference": f"Patient/{STRANGER}"}},
    {"subject": {"reference": f"https://ehr.example/fhir/Patient/{STRANGER}/_history/2"}},
    {"subject": {"reference": f"Patient/{STRANGER}", "type": "Patient", "display": STRANGER}},
    {"subject": {"reference": f" Patient/{STRANGER} "}},
]


def text_of(request: Any) -> bytes:
    """The bytes of a mutated request."""
    text = json.dumps(request, ensure_ascii=False)
    text = _VALUES.sub(lambda match: VALUES[int(match[1])], text)
    text = _ESCAPES.sub(lambda match: ESCAPES[int(match[1])], text)
    return text.replace(f'"{_TWICE}', '"').encode("utf-8", "surrogatepass")


def places(value: Any) -> Iterator[Place]:
    """Each container with the key of a value in it, from the outside in."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


def paths(value: Any, path: Path = ()) -> Iterator[tuple[Path, Place]]:
    """The same places, each with its path."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key), (value, key)
        yield from paths(inner, (*path, key))


def gaps(request: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Every path, with the text before and after its value; equal values at similar places of a list only once."""
    tried = set()
    for path, (holder, key) in list(paths(request)):
        kept = holder[key]
        alike = (tuple("*" if isinstance(step, int) else step for step in path), json.dumps(kept))
        if alike not in tried:
            tried.add(alike)
            holder[key] = _VALUE
            before, after = json.dumps(request, ensure_ascii=False).split(f'"{_VALUE}"')
            holder[key] = kept
            yield "/".join(map(str, path)), before, after


def mutated(requests: dict[str, dict[str, Any]], seed: str) -> tuple[str, bytes]:
    """The hook that is called, and the body: one of the requests, mutated in one to five places."""
    random = Random(seed)
    whole = random.choice(list(requests.values()))
    request = json.loads(json.dumps(whole))
    for _ in range(random.choice([1, 1, 2, 3, 5])):
        random.choice(_MUTATIONS)(request, random, requests)
    if random.random() < 0.2:
        _add_stranger(request, random)
    body = text_of(request)
    return whole["hook"], _torn(body, random) if random.random() < 0.03 else body


def _place(request: Any, random: Random, of: Callable[[Any, Any], bool] | None = None) -> Place | None:
    """Some place where `of(key, value)` holds."""
    suitable = [(holder, key) for holder, key in places(request) if of is None or of(key, holder[key])]
    return random.choice(suitable) if suitable else None


def _replace(request: Any, random: Random, _: Any) -> None:
    if place := _place(request, random):
        place[0][place[1]] = _value(random)


def _value(random: Random) -> str:
    return f"{_VALUE}{random.randrange(len(VALUES))}{_VALUE}"


def _change_type(request: Any, random: Random, _: Any) -> None:
    place = _place(request, random)
    if place is None:
        return
    holder, key = place
    value = holder[key]
    others: list[Any] = [[value], {"value": value}, str(value), [value, value], None, len(str(value)), bool(value)]
    if isinstance(value, list | dict) and value:
        others.append(next(iter(value.values())) if isinstance(value, dict) else value[0])
    holder[key] = random.choice(others)


def _member(key: Any, _: Any) -> bool:
    return isinstance(key, str) and not key.startswith(_TWICE)


def _write_twice(request: Any, random: Random, _: Any) -> None:
    place, other = _place(request, random, _member), _place(request, random)
    if place and other:
        value = random.choice([place[0][place[1]], other[0][other[1]], _value(random)])
        place[0][_TWICE + place[1]] = copy.deepcopy(value)


def _remove(request: Any, random: Random, _: Any) -> None:
    if place := _place(request, random):
        del place[0][place[1]]


def _rename(request: Any, random: Random, _: Any) -> None:
    place, other = _place(request, random, _member), _place(request, random, _member)
    if place and other:
        holder, key = place
        name = random.choice([other[1], key.upper(), f"_{key}", f"{key} ", f"{key}s", ""])
        holder[name] = holder.pop(key)


def _exchange(request: Any, random: Random, _: Any) -> None:
    """Two values swapped."""
    one, other = _place(request, random), _place(request, random)
    if one and other:
        mine, yours = copy.deepcopy(one[0][one[1]]), copy.deepcopy(other[0][other[1]])
        one[0][one[1]], other[0][other[1]] = yours, mine


def _change_status(request: Any, random: Random, _: Any) -> None:
    names = ("status", "intent", "priority", "clinicalStatus", "verificationStatus")
    if place := _place(request, random, lambda key, _: key in names):
        word = random.choice(STATUSES)
        place[0][place[1]] = random.choice([word, {"coding": [{"code": word}]}, {"text": word}])


def _repeat(request: Any, random: Random, _: Any) -> None:
    if place := _place(request, random, lambda _, value: isinstance(value, list) and bool(value)):
        items = place[0][place[1]]
        items += [copy.deepcopy(random.choice(items)) for _ in range(random.choice([1, 2, 40]))]
        del items[80:]


def _graft(request: Any, random: Random, requests: Any) -> None:
    """The value that another request has under this name."""
    place = _place(request, random, _member)
    donor = random.choice(list(requests.values()))
    if place and (other := _place(donor, random, lambda key, _: key == place[1])):
        place[0][place[1]] = copy.deepcopy(other[0][other[1]])


def _spoil_text(request: Any, random: Random, _: Any) -> None:
    if place := _place(request, random, lambda _, value: isinstance(value, str) and not value.startswith(_VALUE)):
        text = place[0][place[1]]
        cut = random.randrange(len(text) + 1) if _ESCAPE not in text else 0
        place[0][place[1]] = f"{text[:cut]}{_ESCAPE}{random.randrange(len(ESCAPES))}{_ESCAPE}{text[cut:]}"


_MUTATIONS = [
    _replace, _replace, _replace, _change_type, _change_type, _write_twice, _remove, _remove, _rename, _exchange,
    _change_status, _repeat, _graft, _spoil_text,
]  # fmt: skip


def _add_stranger(request: Any, random: Random) -> None:
    """A record of another patient, next to or inside ours."""
    place = _place(request, random, lambda key, value: key == "resource" and isinstance(value, dict))
    if place is None:
        return
    ours = place[0]["resource"]
    theirs = {
        key: value for key, value in copy.deepcopy(ours).items() if key not in ("subject", "patient", "contained")
    }
    concept = {"text": STRANGER, "coding": [{"display": STRANGER}]}
    theirs |= {"id": STRANGER, "note": [{"text": STRANGER}], "bodySite": concept, **random.choice(_POINTERS)}
    held = (holder[key] for holder, key in places(request))
    holders = [value for value in held if isinstance(value, list) and any(entry is place[0] for entry in value)]
    where = random.choice(["beside", "within", "instead"])
    if where == "within":
        ours["contained"] = [theirs]
    elif where == "beside" and holders:
        holders[0].insert(random.randrange(len(holders[0]) + 1), {"resource": theirs})
    else:
        place[0]["resource"] = theirs


def _torn(body: bytes, random: Random) -> bytes:
    """Cut off, or with another byte somewhere."""
    cut = random.randrange(1, len(body))
    return random.choice([body[:cut], body[:cut] + bytes([random.randrange(256)]) + body[cut + 1 :], body + body[:cut]])
