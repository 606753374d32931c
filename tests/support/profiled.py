"""The answers to the examples, as a registered EHR with a profile gets them and as a client without one gets them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import Struct

from service.app import create_app
from service.settings import Settings
from tests.support import examples_on_disk
from tests.support.patients import NOW
from tests.support.signing import PUBLIC_URL, token
from tests.support.site import site

Json = dict[str, Any]
# One in this many examples is posted.
SHARE = {"epic": 5, "oracle": 8}
_OTHERS = 45
# Examples with unusual suggestions: two that remove one draft, one that changes a dose, alternatives.
_PECULIAR = ("mri-for-", "ibuprofen", "gabapentin", "duloxetine", "new-l5", "pacemaker", "pregnant")


class Pair(Struct):
    """The cards of one example, shaped and plain, by rule."""

    name: str
    shaped: dict[str, Json]
    plain: dict[str, Json]


@cache
def pairs(profile: str) -> list[Pair]:
    """Some of the examples, including those with unusual suggestions."""
    plain = create_app(Settings(public_url=PUBLIC_URL), now=NOW, dev=True).test_client()
    answered = []
    with TemporaryDirectory() as folder, site(Path(folder), f'profile = "{profile}"') as main:
        for number, (name, request, _) in enumerate(examples_on_disk.read()):
            is_peculiar = profile == "epic" and name.startswith(_PECULIAR)
            if number % SHARE.get(profile, _OTHERS) and not is_peculiar:
                continue
            path = f"/cds-services/foot-drop-{request['hook']}"
            asked = {member: value for member, value in request.items() if member != "fhirServer"}
            shaped = main.post(token(aud=f"{PUBLIC_URL}{path}"), asked, path)
            assert shaped.status_code == 200, shaped.text
            both = [reply.get_json()["cards"] for reply in (shaped, plain.post(path, json=asked))]
            answered.append(Pair(name, *({_rule(card): card for card in cards} for cards in both)))
    return answered


def _rule(card: Json) -> str:
    """The rule of a card, by its page, which no profile changes."""
    page: str = card["links"][-1]["url"]
    return page.rpartition("/")[2]


def actions(card: Json) -> list[Json]:
    """The actions of a card."""
    return [action for suggestion in card.get("suggestions", ()) for action in suggestion["actions"]]
