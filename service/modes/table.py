"""The table of modes: one row for each change, never altered, so that it says who changed what, and when."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import sqlalchemy as sa

from service.modes.quiet import Change, Mode
from service.store.database import Database

RULE_MODES = sa.Table(
    "rule_modes",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("client", sa.Text, nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("users", sa.Text, nullable=False),  # JSON, as the locations are
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("locations", sa.Text, nullable=False),
)
_decode = msgspec.json.Decoder(tuple[str, ...]).decode
_COLUMNS = [column for column in RULE_MODES.columns if column.name != "id"]


def reading(database: Database) -> Callable[[], list[Change]]:
    """A function that reads the changes, the oldest first. It raises StoreAwayError."""
    query = sa.select(*_COLUMNS).order_by(RULE_MODES.c.id)

    def read() -> list[Change]:
        return [
            Change(
                at=at,
                rule=rule,
                client=client,
                mode=_mode(mode),
                users=_decode(users),
                locations=_decode(locations),
                who=who,
            )
            for at, rule, client, mode, users, who, locations in database.rows(query)
        ]

    return read


def _mode(text: str) -> Mode:
    """A mode. One that only a newer version on the same store knows counts as shadow, and hides no other change."""
    try:
        return Mode(text)
    except ValueError:
        return Mode.SHADOW


def write(database: Database, change: Change) -> None:
    """Keep a change. Raises StoreAwayError."""
    insert = RULE_MODES.insert().values({column.name: sa.bindparam(column.name) for column in _COLUMNS})
    lists = {name: msgspec.json.encode(getattr(change, name)).decode() for name in ("users", "locations")}
    database.statement(insert)(**{**msgspec.structs.asdict(change), "mode": change.mode.value, **lists})
