"""The database: SQLite in a file of `data_dir`, or PostgreSQL at `store_url`. A call to it is short, or fails."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Delete, Engine, Insert, NullPool, Select, event
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import PoolProxiedConnection

from service.errors import ServiceError, StartError
from service.middleware.log import logger

FILE = "store.sqlite"
_SECONDS = 1  # for one call, during which the worker answers nobody else
_BUSY_MS = 15  # for which SQLite itself waits for a lock before it is asked again
_CONNECT_SECONDS = 2  # the shortest that libpq supports
_READING_KIB = 64 * 1024  # of pages kept while reading much of an SQLite, which are otherwise read again and again
_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 4_711_2026  # an arbitrary number: the lock is held while a PostgreSQL is migrated

_TABLES_AWAY = frozenset({"42P01", "42703", "42501"})  # PostgreSQL: no such table, no such column, no access to it

_SQLITE: dict[str, Any] = {"timeout": _SECONDS}
_POSTGRESQL: dict[str, Any] = {
    "connect_timeout": _CONNECT_SECONDS,
    "tcp_user_timeout": _SECONDS * 1000,
    "options": f"-c statement_timeout={_SECONDS * 1000} -c lock_timeout={_SECONDS * 1000}",
    "application_name": "foot-drop-cds",
}


Answer = TypeVar("Answer")


class StoreAwayError(ServiceError):
    """The database does not answer, or not in time."""


class StoreRefusedError(StoreAwayError):
    """The database answers, but does not accept these values: sending them again would be in vain."""


class StoreFailedError(StartError):
    """The store cannot be opened at the start; the message says why, without the store's address."""


def place(store_url: str | None, data_dir: Path | None) -> URL:
    """Where the database is. Raises StoreFailedError for an address that cannot be read."""
    if store_url is None:
        return URL.create("sqlite", database=str((data_dir or Path()) / FILE))
    try:
        url = sqlalchemy.make_url(store_url)
    except ArgumentError:
        raise StoreFailedError("store_url cannot be read as the address of a database") from None
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


class Database:
    """A connection to a database, opened when it is needed. Create it after a fork, not before.

    What is written always survives a crash of the process; if the database `is_durable`, also one of the machine.
    """

    def __init__(self, url: URL, *, is_durable: bool = False) -> None:
        self.is_sqlite = url.get_backend_name() == "sqlite"
        # Statements go directly to the driver, each as a transaction: through SQLAlchemy each costs four times as much.
        self._engine = _engine(url, poolclass=NullPool)
        self._held: PoolProxiedConnection | None = None
        self._lock = threading.Lock()
        if not self.is_sqlite:
            event.listen(self._engine, "connect", lambda connection, _: setattr(connection, "autocommit", True))
        elif is_durable:
            event.listen(self._engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = FULL"))
        driver = self._engine.dialect.loaded_dbapi
        self._errors = (driver.Error, SQLAlchemyError)
        self._refusals = (driver.DataError, driver.IntegrityError, driver.ProgrammingError)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._held is not None:
                self._held.invalidate()
                self._held = None
        self._engine.dispose()

    def statement(self, statement: Insert | Delete) -> Callable[..., int]:
        """A statement, compiled once for this database. Called with its values, it returns the number of rows affected.

        The call raises StoreAwayError when the database fails.
        """
        compiled = statement.compile(dialect=self._engine.dialect)
        sql, names = str(compiled), compiled.positiontup

        def call(**values: Any) -> int:
            return self._run(sql, tuple(values[name] for name in names) if names else values)

        return call

    def rows(self, query: Select[Any]) -> list[Any]:
        """The rows that a query finds, over a separate connection. Raises StoreAwayError."""
        try:
            with self._engine.connect() as connection:
                return list(connection.execute(query))
        except self._errors as error:
            raise StoreAwayError(_why(error)) from None

    def _opened(self) -> PoolProxiedConnection:
        connection = self._engine.raw_connection()
        if self.is_sqlite:
            connection.cursor().execute(f"PRAGMA busy_timeout = {_BUSY_MS}")  # see _executed
        return connection

    def _run(self, sql: str, values: Any, *, is_again: bool = False) -> int:
        with self._lock:
            try:
                connection = self._held or self._opened()
            except self._errors as error:
                raise StoreAwayError(_why(error)) from None
            self._held = (
                connection  # kept until it fails: taking it out of the pool each time costs as much as the statement
            )
            try:
                cursor = connection.cursor()
                return int(_executed(cursor, sql, values).rowcount)
            except self._errors as error:
                is_lost = self._engine.dialect.is_disconnect(error, connection.driver_connection, None)  # type: ignore[arg-type]
                self._held = None
                connection.invalidate()
                if not is_lost or is_again:
                    raise StoreAwayError(_why(error)) from None
        return self._run(sql, values, is_again=True)  # the server was restarted since the last call

    @property
    def mark(self) -> str:
        """The placeholder for a value in an SQL text."""
        return "?" if self.is_sqlite else "%s"

    def alone(self, sql: str, values: Sequence[Any]) -> int:
        """Execute a statement as a transaction, and return the number of rows affected. Raises as `together` does."""
        return self._tried(lambda cursor: int(_executed(cursor, sql, values).rowcount))

    def read(self, sql: str, values: Sequence[Any]) -> list[Any]:
        """The rows that a query finds. Raises as `together` does."""
        return self._tried(lambda cursor: _executed(cursor, sql, values).fetchall())

    def together(self, work: Callable[[Any], Answer]) -> Answer:
        """The result of `work`, which is given a cursor; its statements take effect together or not at all.

        `work` may be called twice, and the second call must do no harm. Raises StoreRefusedError for values that the
        database does not accept, and StoreAwayError when it fails otherwise.
        """

        def begun(cursor: Any) -> Answer:
            _executed(cursor, "BEGIN IMMEDIATE" if self.is_sqlite else "BEGIN")
            answer = work(cursor)
            cursor.execute("COMMIT")
            return answer

        return self._tried(begun)

    def _tried(self, work: Callable[[Any], Answer], *, is_again: bool = False) -> Answer:
        with self._lock:
            connection = self._held
            try:
                connection = self._held = connection or self._opened()
                return work(connection.cursor())
            except BaseException as error:
                is_lost = self._drop(connection, error)
                if not isinstance(error, self._errors):
                    raise
                if is_again or not is_lost:
                    kind = StoreRefusedError if self._is_refusal(error) else StoreAwayError
                    raise kind(_why(error)) from None
        return self._tried(work, is_again=True)

    def _is_refusal(self, error: BaseException) -> bool:
        """Whether the error is about the values, and not about tables that are missing or inaccessible for now."""
        return isinstance(error, self._refusals) and getattr(error, "sqlstate", None) not in _TABLES_AWAY

    def _drop(self, connection: PoolProxiedConnection | None, error: BaseException) -> bool:
        """Roll back, close the connection, and return whether it was lost, for example when a server restarts."""
        self._held = None
        if connection is None:
            return False
        with suppress(*self._errors):
            connection.rollback()  # otherwise a cursor in the traceback would keep the file locked
        is_lost = self._engine.dialect.is_disconnect(error, connection.driver_connection, None)  # type: ignore[arg-type]
        connection.invalidate()
        return is_lost


@contextmanager
def snapshot(url: URL, seconds: float) -> Iterator[Connection]:
    """A connection that only reads, and sees one state of the store as long as it is open.

    On PostgreSQL a statement may take that many seconds. Other readers and writers go on meanwhile. Raises
    StoreAwayError, also while the connection is used.
    """
    engine = _engine(url, poolclass=NullPool)
    is_sqlite = url.get_backend_name() == "sqlite"
    try:
        with engine.connect() as connection:
            if is_sqlite:
                for pragma in ("query_only = ON", f"cache_size = {-_READING_KIB}"):
                    connection.exec_driver_sql(f"PRAGMA {pragma}")
                connection.exec_driver_sql("BEGIN")
            else:
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                connection.exec_driver_sql(f"SET LOCAL statement_timeout = {round(seconds * 1000)}")
            yield connection
    except SQLAlchemyError as error:
        raise StoreAwayError(_why(error)) from None
    finally:
        engine.dispose()


def prepare(url: URL) -> None:
    """Bring the tables up to date; if several processes start at once, one does it. Raises StoreFailedError.

    Tables of a newer version are left as they are. Each step keeps everything that the version before it reads and
    writes, and whoever goes back to an older version has no time to lose.
    """
    is_sqlite = url.get_backend_name() == "sqlite"
    if is_sqlite and url.database:
        try:
            Path(url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreFailedError(f"data_dir cannot be created: {error.strerror}") from None
    engine = _engine(url, poolclass=NullPool)
    if is_sqlite:
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))  # one at a time
    try:
        with engine.begin() as connection:
            if not is_sqlite:
                for limit in ("lock_timeout", "statement_timeout"):
                    connection.exec_driver_sql(f"SET LOCAL {limit} = '60s'")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            _migrate(connection)
    except SQLAlchemyError as error:
        raise StoreFailedError(f"the store (data_dir, store_url) cannot be opened or written: {_why(error)}") from None


def _engine(url: URL, **options: Any) -> Engine:
    is_sqlite = url.get_backend_name() == "sqlite"
    engine = sqlalchemy.create_engine(
        url, connect_args=_SQLITE if is_sqlite else _POSTGRESQL, hide_parameters=True, **options
    )
    if is_sqlite:
        event.listen(engine, "connect", _set_up_sqlite)
    return engine


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    step = MigrationContext.configure(connection).get_current_revision()
    try:
        if step is not None:
            ScriptDirectory.from_config(config).get_revision(step)
    except CommandError:
        logger().warning("store of a newer version")
        return
    command.upgrade(config, "head")


def _set_up_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # each statement is a transaction, unless one was begun
    connection.execute("PRAGMA journal_mode = WAL")  # readers work alongside one writer
    connection.execute("PRAGMA synchronous = NORMAL")  # the machine's crash may lose the last rows, the process's none


def _executed(cursor: Any, sql: str, values: Any = ()) -> Any:
    """A cursor that has executed a statement, after waiting for its turn if others are writing to an SQLite.

    SQLite keeps no queue: a waiting connection checks again, after a while only ten times a second, and a busy file is
    hardly ever free at that very moment. So this asks more often.
    """
    until = time.monotonic() + _SECONDS
    while True:
        try:
            return cursor.execute(sql, values)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise


def _why(error: BaseException) -> str:
    """The kind of fault, such as OperationalError or SQLITE_FULL: its message may hold an address or a value."""
    cause = getattr(error, "orig", None) or error
    return str(getattr(cause, "sqlite_errorname", None) or type(cause).__name__)
