"""The FHIR client: what prefetch lacks, all at once, within one deadline, from allowed servers only."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait

from msgspec import Struct, field

from cards.record.decoding import MAX_BYTES, Defect, check_body, read_resource
from cards.record.errors import TooLargeError, UnreadableError
from cards.record.records import Resource
from cards.record.strings import cleaned, mended
from service.fhir.address import Address, read_address
from service.fhir.searchset import next_link
from service.fhir.transport import LATE, AnswerError, Exchanges, Watch

LONGEST_GET = 1900  # characters of a URL that every proxy lets pass

# A server that does not offer POST _search, or not to this token, may still offer GET.
_POST_REFUSED = frozenset({400, 403, 404, 405, 415, 501})
_TOKEN = re.compile(r"[\x21-\x7e]+")


class Fetched(Struct, frozen=True):
    """The pages that one query brought, and why they are not all; `why` is empty when they are."""

    pages: list[Resource] = field(default_factory=list)
    why: str = ""
    defects: list[Defect] = field(default_factory=list)


class _Reading:
    """One query under way: what has come of it can be taken at any moment."""

    def __init__(self, key: str, deadline: float) -> None:
        self.key = key
        self.watch = Watch(deadline)
        self.pages: list[Resource] = []
        self.defects: list[Defect] = []
        self.why = LATE

    def taken(self) -> Fetched:
        """What has come up to now; what comes later is nobody's."""
        why = self.why  # before the pages: it is emptied when the last of them is there
        return Fetched(list(self.pages), why, list(self.defects))


class FhirReader:
    """Reads FHIR servers with resident threads and kept-alive connections.

    `allowed` says of a base URL whether it may be contacted; it is asked before anything is sent. A token
    goes to the server that it was given for and nowhere else, and is used by no call after the deadline.
    Whatever a server does, nothing is raised: the reason stands in what is returned.
    """

    def __init__(
        self,
        allowed: Callable[[str], bool],
        *,
        threads: int = 16,
        max_pages: int = 20,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._allowed = allowed
        self._max_pages = max_pages
        self._max_bytes = max_bytes
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="fhir")
        self._exchanges = Exchanges(threads)

    def close(self) -> None:
        """End the threads and close the connections."""
        self._threads.shutdown(cancel_futures=True)
        self._exchanges.close()

    def __enter__(self) -> FhirReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fetch(self, server: str, token: str | None, queries: Mapping[str, str], deadline: float) -> dict[str, Fetched]:
        """What the queries bring, by their keys, at the latest at `deadline` (by time.monotonic).

        A query is a search or read below the server's base, or the `next` link of a page.
        """
        base = read_address(server)
        if base is None or not self._allowed(server):
            return dict.fromkeys(queries, Fetched(why="the settings do not allow this FHIR server"))
        if token is not None and not _TOKEN.fullmatch(token):
            return dict.fromkeys(queries, Fetched(why="the access token cannot be sent in a header"))
        readings = [_Reading(key, deadline) for key in queries]
        running = [
            self._threads.submit(self._follow, reading, base, token, queries[reading.key]) for reading in readings
        ]
        wait(running, timeout=deadline - time.monotonic())
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
                reading.why = str(error)
            except UnreadableError as error:
                reading.why = f"the FHIR server's answer is unreadable: {error}"
            except Exception as error:  # what a server provokes costs its key, never the whole answer
                reading.why = f"the FHIR server's answer is unreadable ({type(error).__name__})"
            else:
                reading.why = ""

    def _read_pages(self, reading: _Reading, base: Address, token: str | None, query: str) -> None:
        """Every page of a query, into the reading. Raises AnswerError or UnreadableError."""
        room = self._max_bytes
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
            body = self._ask(base, url, token, reading.watch, room)
            room -= len(body)
            page = _decode(body, reading)
            reading.pages.append(page)
            link = next_link(page)
            if not link:
                return

    def _ask(self, base: Address, url: str, token: str | None, watch: Watch, room: int) -> bytes:
        path, mark, form = url.partition("?")
        kind = path.removeprefix(f"{base.url}/")
        if len(url) > LONGEST_GET and mark and kind.isalpha():
            try:
                return self._exchanges.ask(f"{path}/_search", token, watch, room, form)
            except AnswerError as error:
                if error.status not in _POST_REFUSED:
                    raise
        return self._exchanges.ask(url, token, watch, room)


def _decode(body: bytes, reading: _Reading) -> Resource:
    where = f"{reading.key} from the FHIR server"
    try:
        check_body(body)
        page = read_resource(cleaned(body), where, reading.defects)
    except TooLargeError:
        raise
    except UnreadableError:
        check_body(other := mended(body))
        page = read_resource(other, where, reading.defects)
    if page is None:
        raise UnreadableError("it is not a FHIR resource")
    return page
