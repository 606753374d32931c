"""The steps go up and down while the service answers: no answer fails for it, and no acknowledged feedback is lost."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sized
from pathlib import Path

import pytest
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, event

from service.store import migrations
from service.store.database import _engine, prepare
from tests.support.clients_at_once import ClientsAtOnce
from tests.support.processes import until
from tests.support.remembered import rows
from tests.support.signing import AUDIENCE, VIEW, token
from tests.support.site import HOST, REQUEST, Site, site

FEEDBACK = f"{VIEW}/feedback"
SOON = 0.1  # seconds after which a store that was away is tried again
PAUSE = 0.01  # between two calls of a client


def migrate(url: URL, way: str, to: str) -> None:
    """Go up or down to a step, as `serve` goes up: in one transaction, which waits for its turn."""
    config = Config()
    config.set_main_option("script_location", str(migrations.__path__[0]))
    engine = _engine(url)
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        getattr(command, way)(config, to)
    engine.dispose()


class Traffic(ClientsAtOnce):
    """Clients that call the service, and send feedback, again and again."""

    def __init__(self, main: Site) -> None:
        super().__init__(2, PAUSE)
        self._main = main
        self._numbers = itertools.count()
        self._lock = threading.Lock()  # a worker answers one request at a time
        self.statuses: set[int] = set()
        self.said: list[int] = []
        self.acknowledged: list[str] = []

    def send(self) -> None:
        """One call, and feedback on a card."""
        card = f"card-{next(self._numbers)}"
        entry = {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-03-02T10:00:00Z"}
        with self._lock:
            self.statuses.add(self._post(VIEW, REQUEST, token()))
            status = self._post(FEEDBACK, {"feedback": [entry]}, token(aud=f"{AUDIENCE}/feedback"))
        self.said.append(status)
        if status == 200:
            self.acknowledged.append(card)

    def _post(self, path: str, body: object, signed: str) -> int:
        headers = {**HOST, "Authorization": f"Bearer {signed}"}
        return self._main.http.post(path, json=body, headers=headers).status_code

    def wait_for_more(self, *, is_taken: bool = True) -> None:
        """Wait until some more was sent, or acknowledged if it `is_taken`."""
        counted: Sized = self.acknowledged if is_taken else self.said
        enough = len(counted) + 3
        until(lambda: len(counted) > enough)


@pytest.fixture
def main(tmp_path: Path, url: URL, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The service over the database of this test."""
    for module in ("service.memory.writer", "service.memory.lasting"):
        monkeypatch.setattr(f"{module}.RETRY_S", SOON)
    store = f'store_url = "{url.set(drivername=url.get_backend_name()).render_as_string()}"'
    with site(tmp_path, of_service=store) as running:
        yield running


def kept(url: URL) -> list[str]:
    """The cards on which there is feedback."""
    return sorted(card for (card,) in rows(url, "SELECT card FROM feedback"))


def test_a_step_goes_down_and_up_beside_the_traffic(main: Site, url: URL) -> None:
    with Traffic(main) as traffic:
        for _ in range(2):
            traffic.wait_for_more()
            migrate(url, "downgrade", "0002")  # the modes of the rules go: those that were read stay
            traffic.wait_for_more(is_taken=False)
            prepare(url)
        traffic.wait_for_more()
    main.app.close()
    assert traffic.statuses == {200}
    assert set(traffic.said) <= {200, 503}, "what cannot be kept is not acknowledged"
    assert kept(url) == sorted(traffic.acknowledged)


def test_while_the_tables_of_the_memory_are_gone_answers_go_on(main: Site, url: URL) -> None:
    with Traffic(main) as traffic:
        traffic.wait_for_more()
        migrate(url, "downgrade", "0001")
        until(lambda: 503 in traffic.said)
        prepare(url)
        back = len(traffic.acknowledged)
        traffic.wait_for_more()
    main.app.close()
    assert traffic.statuses == {200}
    assert set(traffic.said) == {200, 503}, "what cannot be kept is not acknowledged"
    there = kept(url)
    assert len(set(there)) == len(there)
    assert set(traffic.acknowledged[back:]) <= set(there)
    assert rows(url, "SELECT count(*) FROM evaluations")[0][0] >= len(traffic.acknowledged) - back
    assert main.app.memory.lost == 0, "the answers waited until the tables were back"


def columns(url: URL) -> dict[tuple[str, str], tuple[str, bool]]:
    """The columns, each with its type and whether a row may leave it out."""
    engine = sqlalchemy.create_engine(url)
    looked = sqlalchemy.inspect(engine)
    told = {
        (table, column["name"]): (str(column["type"]), bool(column["nullable"] or column["default"] is not None))
        for table in looked.get_table_names()
        for column in looked.get_columns(table)
    }
    engine.dispose()
    return told


@pytest.mark.long
def test_each_step_leaves_what_the_version_before_it_reads_and_writes(url: URL) -> None:
    """So it runs beside the newer one, and who goes back to it need not go down."""
    config = Config()
    config.set_main_option("script_location", str(migrations.__path__[0]))
    steps = [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()][::-1]
    Path(str(url.database)).parent.mkdir(exist_ok=True)
    before: dict[tuple[str, str], tuple[str, bool]] = {}
    for step in steps:
        migrate(url, "upgrade", step)
        after = columns(url)
        assert {column: after.get(column) for column in before} == before
        added = {column for column in after if column not in before and column[0] in {table for table, _ in before}}
        assert all(may_be_left_out for _, may_be_left_out in (after[column] for column in added)), step
        before = after
