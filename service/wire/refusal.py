"""Why a request is refused, and the OperationOutcome that says so."""

from __future__ import annotations

from fhir.resources.R4B.operationoutcome import OperationOutcome

from service.errors import ServiceError

# HTTP status -> FHIR R4 issue-type, for each status that we send
_ISSUE_CODES = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    408: "timeout",
    412: "incomplete",
    413: "too-long",
    415: "not-supported",
    421: "not-supported",
    422: "conflict",
    500: "exception",
    503: "transient",
}


class RefusedError(ServiceError):
    """A request that is not answered with cards.

    `message` is for the engineer who connects the EHR and contains nothing from a patient's record; `field`
    names the member of the request that it is about, and may be empty. `aside` may contain the client's own words: it
    is only for explain, and is neither sent in an answer nor logged.
    """

    status = 400
    aside = ""
    headers: tuple[tuple[str, str], ...] = ()

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class TooLargeRefusedError(RefusedError):
    """The body is larger than the limit."""

    status = 413


class UnknownCallerRefusedError(RefusedError):
    """The caller has not proved who it is. The answer is always the same: a reason would help to forge a token."""

    status = 401
    headers = (("WWW-Authenticate", "Bearer"),)

    def __init__(self) -> None:
        super().__init__("the caller is not known: a registered client must send a signed token")


class StoreAwayRefusedError(RefusedError):
    """It cannot be determined at the moment whether the caller's token is new."""

    status = 503

    def __init__(self, seconds: int) -> None:
        super().__init__("the service cannot check tokens at the moment: call again with a new one")
        self.headers = (("Retry-After", str(seconds)),)


class ModesAwayRefusedError(RefusedError):
    """It cannot be determined at the moment which rules are switched off."""

    status = 503

    def __init__(self, seconds: int) -> None:
        super().__init__("the service cannot tell at the moment which rules are switched off: call again")
        self.headers = (("Retry-After", str(seconds)),)


class FeedbackAwayRefusedError(RefusedError):
    """Feedback cannot be stored at the moment."""

    status = 503

    def __init__(self, seconds: int) -> None:
        super().__init__("the service cannot keep feedback at the moment: send it again")
        self.headers = (("Retry-After", str(seconds)),)


class ReportTokenRefusedError(RefusedError):
    """The caller that asks for the report has not sent its token."""

    status = 401
    headers = (("WWW-Authenticate", "Bearer"),)

    def __init__(self) -> None:
        super().__init__("the report needs its token (the setting report_token), sent as a bearer token")


class ReportAwayRefusedError(RefusedError):
    """A report cannot be made at the moment."""

    status = 503

    def __init__(self, why: str, seconds: int) -> None:
        super().__init__(why)
        self.headers = (("Retry-After", str(seconds)),)


class ForbiddenRefusedError(RefusedError):
    """The caller, or the page from which the call comes, may not ask for this."""

    status = 403


class MediaTypeRefusedError(RefusedError):
    """The body is not sent as application/json without a Content-Encoding."""

    status = 415


class MissingDataRefusedError(RefusedError):
    """A required prefetch key was not sent and cannot be read."""

    status = 412

    def __init__(self, message: str, field: str = "", *, aside: str = "") -> None:
        super().__init__(message, field)
        self.aside = aside


class OtherPatientRefusedError(RefusedError):
    """The data belong to a patient other than the one in the request."""

    status = 422


def outcome(status: int, message: str, expression: str = "") -> bytes:
    """An OperationOutcome with one issue, valid R4, as JSON."""
    issue: dict[str, object] = {
        "severity": "fatal" if status >= 500 else "error",
        "code": _ISSUE_CODES.get(status, "processing"),
        "diagnostics": message,
    }
    if expression:
        issue["expression"] = [expression]
    return OperationOutcome.model_validate({"issue": [issue]}).model_dump_json().encode()
