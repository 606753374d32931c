"""The FHIR client: reads what prefetch lacks, all at once, within one deadline, from allowed servers only."""

from __future__ import annotations

import copy
import re
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait

from msgspec import Struct, field

from cards.record.body import MAX_BYTES, check_body
from cards.record.defects import Defects
from cards.record.errors import TooLargeError, UnreadableError
from cards.record.pages import read_page
from cards.record.records import Resource
from cards.record.strings import cleaned, mended
from service.fhir.address import Address, read_address
from service.fhir.breaker import Breaker
from service.fhir.connections import Watch
from service.fhir.searchset import next_link
from service.fhir.transport import FHIR_SERVER, LATE, AnswerError, Budget, HttpClient
from service.middleware.log import of_request
from service.operations.metrics import METRICS, NOBODY

THREADS = 16  # as many queries at once: every key of a hook, and then some
LONGEST_GET = 1900  # characters of a URL that every proxy accepts

# A server that does not offer POST _search, or not to this token, may still offer GET.
_POST_REFUSED = frozenset({400, 403, 404, 405, 415, 501})
# These do not count as an answer: the server is down, or overloaded.
_NO_ANSWER = frozenset({0, 429, 502, 503, 504})
_LATE = f"{FHIR_SERVER} {LATE}"
_SILENT = f"{FHIR_SERVER} did not answer the last requests, and is not called for some seconds"
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_TOKEN = re.compile(r"[\x21-\x7e]+")


class Fetched(Struct, frozen=True):
    """The pages that one query returned, and why some are missing; `why` is empty if none are.

    `status` is that of the last answer, if the query was refused.
    """

    pages: list[Resource] = field(default_factory=list)
    why: str = ""
    defects: Defects = field(default_factory=Defects)
    status: int = 0


class _Reading:
    """One query in progress; its results so far can be taken at any moment."""

    def __init__(self, key: str, deadline: float, budget: Budget) -> None:
        self.key = key
        self.watch = Watch(deadline)
        self.budget = budget
        self.pages: list[Resource] = []
        self.defects = Defects()
        self.why = _LATE
        self.status = 0
        self.is_asked = False
        self.has_answered = False
        self.outcome = "late"
        self.ended = deadline
        self._half = (time.monotonic() + deadline) / 2
        self._may_retry = True

    def tries_again(self, error: AnswerError) -> bool:
        """Whether to ask again after a failure: only once, if the connection failed and half of the time is left."""
        is_again = error.is_unconnected and self._may_retry and time.monotonic() < self._half
        self._may_retry = self._may_retry and not is_again
        return is_again

    def taken(self) -> Fetched:
        """What has arrived so far; anything later is discarded."""
        why = self.why  # read before the pages: it is emptied once the last page has arrived
        return Fetched(list(self.pages), why, Defects(self.defects), self.status if why else 0)


class FhirReader:
    """Reads FHIR servers with resident threads and the kept-alive connections of `http`.

    `allowed` returns whether a base URL may be contacted; it is called before anything is sent. A token
    goes only to the server that it was given for, and no call uses it after the deadline.
    Whatever a server does, nothing is raised: the result contains the reason. A query whose connection fails is
    tried once more. A server that gave no answer several times in a row is not asked for some seconds.
    """

    def __init__(
        self,
        allowed: Callable[[str], bool],
        *,
        http: HttpClient | None = None,
        threads: int = THREADS,
        max_pages: int = 20,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._allowed = allowed
        self._max_pages = max_pages
        self._max_bytes = max_bytes
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="fhir")
        self._http = http or HttpClient(threads)
        self._breaker = Breaker()
        self._decoding = threading.Lock()

    def beside(self, allowed: Callable[[str], bool], http: HttpClient) -> FhirReader:
        """A reader of other servers on the same threads, with its own connections and its own breaker."""
        other = copy.copy(self)
        other._allowed, other._http, other._breaker = allowed, http, Breaker()
        return other

    def close(self) -> None:
        """End the threads and close the connections."""
        self._threads.shutdown(cancel_futures=True)
        self._http.close()

    def budget(self) -> Budget:
        """The bytes that may be read for one request, over all its keys and pages."""
        return Budget(self._max_bytes)

    def __enter__(self) -> FhirReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fetch(
        self,
        server: str,
        token: str | None,
        queries: Mapping[str, str],
        deadline: float,
        budget: Budget | None = None,
    ) -> dict[str, Fetched]:
        """The results of the queries by key, returned at `deadline` (by time.monotonic) at the latest.

        A query is a search or read below the server's base, or the `next` link of a page. `budget` is shared by
        everything read for one request.
        """
        base = read_address(server)
        why = ""
        if base is None or not self._allowed(server):
            why = "the settings do not allow this FHIR server"
        elif token is not None and not _TOKEN.fullmatch(token):
            why = "the access token cannot be sent in a header"
        elif deadline <= time.monotonic():
            why = _LATE
        elif not self._breaker.lets_through(base):
            why = _SILENT
        if base is None or why:
            METRICS.fhir_requests.add(
                of_request("client", NOBODY), "let alone" if why is _SILENT else "not allowed", amount=len(queries)
            )
            return dict.fromkeys(queries, Fetched(why=why))
        budget = budget or self.budget()
        readings = [_Reading(key, deadline, budget) for key in queries]
        started = time.monotonic()
        fetched = self._read(readings, base, token, queries)
        _count(readings, started)
        if any(reading.is_asked for reading in readings):
            self._breaker.note(base, has_answered=any(reading.has_answered for reading in readings))
        return fetched

    def _read(
        self, readings: list[_Reading], base: Address, token: str | None, queries: Mapping[str, str]
    ) -> dict[str, Fetched]:
        """The results of all queries until their deadline; those still in progress then are aborted."""
        running = [
            self._threads.submit(self._follow, reading, base, token, queries[reading.key]) for reading in readings
        ]
        wait(running, timeout=min((reading.watch.left for reading in readings), default=0))
        fetched = {reading.key: reading.taken() for reading in readings}
        for future, reading in zip(running, readings, strict=True):
            if not future.done() and not future.cancel():
                reading.watch.break_off()
        return fetched

    def _follow(self, reading: _Reading, base: Address, token: str | None, query: str) -> None:
        with reading.watch:
            try:
                self._read_pages(reading, base, token, query)
            except AnswerError as error:
                reading.has_answered = reading.has_answered or error.status not in _NO_ANSWER
                reading.status = error.status
                reading.outcome = _outcome(error)
                reading.why = str(error)
            except UnreadableError as error:
                reading.outcome = "unreadable"
                reading.why = f"the FHIR server's answer is unreadable: {error}"
            except Exception as error:  # an error that a server provokes costs its key, never the whole answer
                reading.outcome = "unreadable"
                reading.why = f"the FHIR server's answer is unreadable ({type(error).__name__})"
            else:
                reading.outcome = "ok"
                reading.why = ""
            reading.ended = time.monotonic()

    def _read_pages(self, reading: _Reading, base: Address, token: str | None, query: str) -> None:
        """Read every page of a query into `reading`. Raises AnswerError or UnreadableError."""
        link = query
        asked: set[str] = set()
        while True:
            url = base.below(link)
            if url is None:
                raise AnswerError("the address is outside the FHIR server's base URL")
            if url in asked:
                raise AnswerError("the FHIR server's pages form a loop")
            if len(asked) == self._max_pages:
                raise AnswerError(f"the FHIR server has more than {self._max_pages} pages")
            asked.add(url)
            reading.is_asked = True
            body = self._ask(base, url, token, reading)
            reading.has_answered = True
            page = self._decode(body, reading)
            reading.pages.append(page)
            link = next_link(page)
            if not link:
                return

    def _ask(self, base: Address, url: str, token: str | None, reading: _Reading) -> bytes:
        path, mark, form = url.partition("?")
        kind = path.removeprefix(f"{base.url}/")
        if len(url) > LONGEST_GET and mark and kind.isalpha():
            try:
                return self._text("POST", f"{path}/_search", token, reading, form)
            except AnswerError as error:
                if error.status not in _POST_REFUSED:
                    raise
        return self._text("GET", url, token, reading)

    def _text(self, method: str, url: str, token: str | None, reading: _Reading, form: str | None = None) -> bytes:
        """The FHIR JSON of a 200 answer. Raises AnswerError."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if form is not None:
            headers |= _FORM
        try:
            answer = self._http.ask(method, url, reading.watch, reading.budget, headers=headers, body=form)
        except AnswerError as error:
            if not reading.tries_again(error):
                raise
            answer = self._http.ask(method, url, reading.watch, reading.budget, headers=headers, body=form)
        if answer.status != 200:
            aside = ": redirects are not followed" if 300 <= answer.status < 400 else ""
            raise AnswerError(f"{FHIR_SERVER} answered {answer.status}{aside}", answer.status)
        if "html" in answer.media_type or answer.body[:64].lstrip().startswith(b"<"):
            raise AnswerError(f"{FHIR_SERVER} answered with a web page or XML instead of FHIR JSON", 200)
        return answer.body

    def _decode(self, body: bytes, reading: _Reading) -> Resource:
        """A page as records. Raises AnswerError if it would not be done before the deadline, and UnreadableError.

        Decoding holds the interpreter's lock, so only one thread does it at a time: with many, the last would end long
        after the deadline, and nobody would get a result sooner.
        """

        def go_on() -> None:
            if reading.watch.left <= 0:
                raise AnswerError(_LATE)

        if not self._decoding.acquire(timeout=max(reading.watch.left, 0)):
            raise AnswerError(_LATE)
        try:
            go_on()
            page = _read(cleaned(body), reading, go_on)
        finally:
            self._decoding.release()
        if page is None:
            raise UnreadableError("it is not a FHIR resource")
        return page


def _outcome(error: AnswerError) -> str:
    """The outcome of a failed query, as named in the metrics."""
    if error.status >= 400:
        return "failed" if error.status >= 500 else "refused"
    if error.status:
        return "unreadable"
    return "late" if str(error) == _LATE else "unreachable"


def _count(readings: list[_Reading], started: float) -> None:
    client = of_request("client", NOBODY)
    for reading in readings:
        METRICS.fhir_requests.add(client, reading.outcome)
        METRICS.fhir_seconds.observe(max(0.0, min(reading.ended, time.monotonic()) - started), client)


def _read(body: bytes, reading: _Reading, go_on: Callable[[], None]) -> Resource | None:
    """A page, if necessary without the characters that JSON does not allow in a string (O15)."""
    where = f"{reading.key} from the FHIR server"
    try:
        check_body(body)
        return read_page(body, where, reading.defects, go_on)
    except TooLargeError:
        raise
    except UnreadableError:
        other = mended(body)
        if other == body:
            raise
    check_body(other)
    return read_page(other, where, reading.defects, go_on)
