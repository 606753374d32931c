"""GET /report: the report for holders of its token, made in a separate process and polled until it exists."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection
from datetime import datetime

from flask import Blueprint, Response, request

from service.middleware.log import logger
from service.reporting.asking import asked
from service.reporting.keeping import FAILED_S, Kept, ReportFailedError
from service.reporting.making import FORMATS
from service.settings import Settings
from service.wire.refusal import RefusedError, ReportAwayRefusedError, ReportTokenRefusedError

PATH = "/report"
AGAIN_S = 3  # until a caller that waits for a report asks again
NAMES = ("since", "until", "rule", "client", "format")
# The page contains its own style and loads nothing.
_NOTHING_ELSE = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_BEING_MADE = "The report is being made. Ask again in a few seconds.\n"


def routes(settings: Settings, kept: Kept, rules: Collection[str], now: Callable[[], datetime]) -> Blueprint:
    """The route to the reports that are `kept`, for settings that have a report token."""
    blueprint = Blueprint("report", __name__)
    token = settings.report_token.get_secret_value().encode() if settings.report_token else b""

    @blueprint.get(PATH)
    def report() -> Response:
        if not token or not hmac.compare_digest(_presented(), token):
            raise ReportTokenRefusedError
        form, words = _words(rules, settings.clients)
        try:
            period = asked(_moment("since", words), _moment("until", words) or now(), settings.zone, *words[2:])
        except ValueError as error:
            raise RefusedError(str(error), "since") from None
        try:
            text = kept.get(period, words, form)
        except (ReportFailedError, OSError) as error:
            why = str(error) if isinstance(error, ReportFailedError) else "the folder of the reports cannot be used"
            logger().error("report not made", why=why)
            raise ReportAwayRefusedError(why, FAILED_S) from None
        if text is None:
            again = {"Retry-After": str(AGAIN_S), "Refresh": str(AGAIN_S)}
            return Response(_BEING_MADE, status=202, mimetype="text/plain", headers=again)
        return Response(text, mimetype=FORMATS[form], headers={"Content-Security-Policy": _NOTHING_ELSE})

    return blueprint


def _presented() -> bytes:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip().encode("utf-8", "replace") if scheme.lower() == "bearer" else b""


def _words(rules: Collection[str], clients: Collection[str]) -> tuple[str, tuple[str, str, str, str]]:
    """The format, and since, until, rule and client as requested. Raises RefusedError."""
    for name in request.args:
        if name not in NAMES:
            raise RefusedError(f"the report takes only the parameters {', '.join(NAMES)}")
    since, until, rule, client, form = (request.args.get(name, "") for name in NAMES)
    if rule and rule not in rules:
        raise RefusedError("there is no such rule", "rule")
    if client and client not in clients:
        raise RefusedError("there is no such client", "client")
    form = form or "html"
    if form not in FORMATS:
        raise RefusedError(f"format must be one of {', '.join(FORMATS)}", "format")
    return form, (since, until, rule, client)


def _moment(name: str, words: tuple[str, str, str, str]) -> datetime | None:
    """A date or time; None if none is given. Raises RefusedError."""
    text = words[NAMES.index(name)]
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise RefusedError(f"{name} is not a date or time such as 2026-03-02", name) from None
