"""GET /: what the service is, how far it may be trusted, and what it serves; also the page for a refused request."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from flask import Response
from msgspec import Struct

from service.hooks import HOOKS, service_id
from service.publish import html
from service.publish.canonical import PUBLISHER
from service.signoff.records import NO_SIGNATURE
from service.signoff.site import Site

NOT_VALIDATED = "Not validated for clinical use: it gives advice and makes no decisions."
_NOT_REVIEWED = "No clinician has reviewed its rules; they are drafts until one has signed them."
_TITLES = {404: "There is nothing here", 405: "This address cannot be opened", 500: "Something went wrong"}


class Place(Struct, frozen=True):
    """Something that is served: its address, its name and what it is."""

    path: str
    title: str
    words: str = ""


class Home(Struct, frozen=True):
    """The content of the home page, in words or as JSON."""

    name: str
    version: str
    standing: tuple[str, ...]
    places: tuple[Place, ...]
    services: tuple[Place, ...]


def home(site: Site, root: str, *, is_played: bool) -> Home:
    """What is served below `root` (empty: at the top); `is_played`: with the simulator. Raises RefusedSignoffError."""
    services = (Place(f"{root}/cds-services/{service_id(id)}", hook.title) for id, hook in HOOKS.items())
    return Home(PUBLISHER, version(PUBLISHER), _standing(site), tuple(_places(root, is_played)), tuple(services))


def _standing(site: Site) -> tuple[str, ...]:
    signed, rules = len(site.standings.words(site.today)), len(site.book.rules)
    if not signed:
        return NOT_VALIDATED, _NOT_REVIEWED
    return NOT_VALIDATED, f"{signed} of its {rules} rules are signed; the others are drafts. {NO_SIGNATURE}"


def _places(root: str, is_played: bool) -> list[Place]:
    simulator = Place(f"{root}/simulator", "Simulator", "A stand-in for an EHR, with invented patients.")
    return [
        *([simulator] if is_played else []),
        Place(f"{root}/rules", "Rules", "A page for each rule: when it speaks, its cards, its evidence, its codes."),
        Place(f"{root}/cds-services", "Discovery", "The services and the prefetch of each, as in CDS Hooks (JSON)."),
        Place(f"{root}/openapi.json", "OpenAPI", "Every route, for developers of clients (JSON)."),
        Place(f"{root}/health/live", "Health: live", "Whether the process is alive (JSON)."),
        Place(f"{root}/health/ready", "Health: ready", "Whether the service can answer calls (JSON)."),
    ]


def refused(status: int, words: str, root: str) -> Response:
    """The page that says why a request was refused. It repeats nothing from the request."""
    values: dict[str, Any] = {"title": _TITLES.get(status, "This cannot be shown"), "home": f"{root}/"}
    sentence = f"{words[:1].upper()}{words[1:]}."
    return html.reply(html.rendered("refused.html", words=sentence, **values), status)
