"""Small pages, long searches, missing pages, a server that stops: the cards stay right or say what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from service import examples
from service.app import create_app
from service.settings import Settings
from tests.hapi.asking import MANY_RECORDS, ONE_A_HOOK, Explained, ask, example, queries, without_prefetch
from tests.hapi.hapi import Hapi
from tests.support.http_server import Asked, Gateway, HangUp, Reply
from tests.support.patients import NOW
from tests.support.sampling import one_in

Json = dict[str, Any]

named = pytest.mark.parametrize("name", one_in(3, examples.names(), start=2))


def own_codes(number: int) -> dict[str, dict[str, list[str]]]:
    """The overlay of a site that has many local codes for one examination."""
    return {
        "observation.mrc-ankle-dorsiflexion": {
            "https://ehr.example/codes": [f"strength-of-{n:04}" for n in range(number)]
        }
    }


@pytest.fixture
def small_pages(hapi: Hapi) -> Iterator[None]:
    """The server gives two records per page, however many are asked for."""
    with hapi.set("page.max", 2, afterwards=200):
        yield


def on_later_pages(manner: Callable[[Asked], Asked | Reply]) -> Callable[[Asked], Asked | Reply]:
    """A manner for every page but the first."""
    return lambda asked: manner(asked) if "_getpages" in asked.target else asked


def cut_short(request: Json) -> set[str]:
    """The prefetch keys whose records do not fit on a page of two."""
    return {key for key, value in request["prefetch"].items() if value and len(value.get("entry", ())) > 2}


# ---- Small pages


@named
@pytest.mark.usefixtures("small_pages")
def test_the_cards_are_the_same_with_two_records_a_page(hapi: Hapi, service: FlaskClient, name: str) -> None:
    wanted = example(name)
    assert ask(service, without_prefetch(wanted.request, hapi.base)) == wanted.response
    pages = [each for each in hapi.asked() if "_getpages" in each.query]
    assert {each.status for each in pages} <= {200}
    assert len(pages) >= len(cut_short(wanted.request))


@pytest.mark.usefixtures("small_pages")
def test_pages_are_followed_under_the_name_that_the_server_was_asked_by(hapi: Hapi, service: FlaskClient) -> None:
    wanted = example(MANY_RECORDS)
    assert ask(service, without_prefetch(wanted.request, f"http://localhost:{hapi.port}/fhir")) == wanted.response
    assert [each for each in hapi.asked() if "_getpages" in each.query]


@pytest.mark.usefixtures("small_pages")
def test_a_first_page_that_the_ehr_sent_is_read_on_from_its_link(hapi: Hapi, service: FlaskClient) -> None:
    wanted = example(MANY_RECORDS)
    prefetch = {**wanted.request["prefetch"], "observations": hapi.ask("GET", queries(wanted.request)["observations"])}
    hapi.asked()
    assert ask(service, {**wanted.request, "prefetch": prefetch, "fhirServer": hapi.base}) == wanted.response
    asked = hapi.asked()
    assert asked
    assert all("_getpages" in each.query for each in asked)


# ---- Long searches


@pytest.mark.parametrize("codes", [100, 600])  # 600: longer than the request line that Tomcat allows
def test_a_search_too_long_for_a_url_is_posted(hapi: Hapi, codes: int) -> None:
    overlay = own_codes(codes)
    service = create_app(Settings(codes=overlay), now=NOW, dev=True).test_client()
    wanted = example(MANY_RECORDS)
    answer = ask(service, without_prefetch(wanted.request, hapi.base))
    assert [each["summary"] for each in answer["cards"]] == [each["summary"] for each in wanted.response["cards"]]
    (posted,) = [each for each in hapi.asked() if each.method == "POST"]
    assert (posted.path, posted.query, posted.status) == ("/fhir/Observation/_search", "", 200)
    parameters = queries(wanted.request, overlay)["observations"].partition("?")[2]
    assert parse_qs(posted.form) == parse_qs(parameters)


def test_a_web_page_for_a_long_line_is_not_taken_for_no_observations(hapi: Hapi) -> None:
    """If POST is not offered, GET is tried, and Tomcat answers 400 with HTML."""
    settings = Settings(codes=own_codes(600), dev=True)
    service = create_app(settings, now=NOW).test_client()
    with Gateway(hapi.port, lambda asked: Reply(405) if asked.method == "POST" else asked) as gateway:
        request = without_prefetch(example(MANY_RECORDS).request, gateway.base)
        reply = service.post("/cds-services/foot-drop-patient-view", json=request)
        assert reply.status_code == 412
        assert "observations: the FHIR server answered 400" in reply.get_data(as_text=True)
        assert [each.method for each in gateway.asked if "Observation" in each.target] == ["POST", "GET"]


# ---- In the middle of the pages


@contextmanager
def going_on(hapi: Hapi) -> Iterator[None]:
    """Whatever was done to the server inside the block, it runs on afterwards."""
    try:
        yield
    finally:
        hapi.go_on()


def check_the_rest_is_named(name: str, base: str, why: str) -> None:
    """No rule that should speak reports that there is nothing; unseen data is named, with the reason."""
    wanted = example(name)
    told = Explained(without_prefetch(wanted.request, base), Settings(dev=True, deadline_ms=4000))
    assert set(told.not_seen) >= cut_short(wanted.request)
    for key in cut_short(wanted.request):
        assert why in told.notes[key]
    expected = {each["source"]["topic"]["code"] for each in wanted.response["cards"]}
    assert not expected & told.outcomes("not-applicable")


@named
@pytest.mark.usefixtures("small_pages")
def test_an_expired_page_is_named(hapi: Hapi, name: str) -> None:
    def expire(asked: Asked) -> Asked:
        (token,) = parse_qs(asked.target.partition("?")[2])["_getpages"]
        return Asked(asked.method, asked.target.replace(token, str(uuid4())), asked.headers, asked.body)

    with Gateway(hapi.port, on_later_pages(expire)) as gateway:
        check_the_rest_is_named(name, gateway.base, "the FHIR server answered 410")
    assert {each.status for each in hapi.asked() if "_getpages" in each.query} <= {410}


@pytest.mark.parametrize("name", [MANY_RECORDS, *ONE_A_HOOK])
@pytest.mark.usefixtures("small_pages")
def test_a_server_that_hangs_up_between_two_pages_is_named(hapi: Hapi, name: str) -> None:
    def hang_up(asked: Asked) -> Asked:
        raise HangUp

    with Gateway(hapi.port, on_later_pages(hang_up)) as gateway:
        check_the_rest_is_named(name, gateway.base, "the FHIR server broke off its answer")


@pytest.mark.usefixtures("small_pages")
def test_a_server_that_stops_between_two_pages_is_named_and_right_again_when_it_goes_on(
    hapi: Hapi, service: FlaskClient
) -> None:
    wanted = example(MANY_RECORDS)

    def stop(asked: Asked) -> Asked:
        gateway.wait_for(len(queries(wanted.request)))  # the first pages
        hapi.stop()
        return asked

    with going_on(hapi), Gateway(hapi.port, on_later_pages(stop)) as gateway:
        told = Explained(without_prefetch(wanted.request, gateway.base), Settings(dev=True, deadline_ms=4000))
    assert set(told.not_seen) == cut_short(wanted.request) != set()
    assert all("only a part is known" in told.notes[key] for key in told.not_seen)
    assert all("the FHIR server did not answer in time" in told.notes[key] for key in told.not_seen)
    assert ask(service, without_prefetch(wanted.request, hapi.base)) == wanted.response
