"""The backtest on Spark, over a DataFrame of any origin: a row for each verdict, card or moment."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from service.backtest.as_of import KnownBy
from service.backtest.errors import BacktestError
from service.backtest.moments import Plan
from service.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from service.backtest.spark.engine import Engine

MISSING = "Spark needs more packages: pip install 'foot-drop-cds[backtest,spark]' ({})"
COLUMNS = ("resource", "line", "value")
"""The names of the columns that may hold the JSON of the resources."""


def read(
    dataframe: DataFrame,
    settings: Settings | None = None,
    plan: Plan | None = None,
    *,
    known_by: KnownBy = KnownBy.RECORDED,
    rules: Collection[str] | None = None,
    kinds: Iterable[str] = (),
    key: str = "",
) -> Engine:
    """Read the resources of a DataFrame, to ask for several tables: `read(df).table("verdicts")`, `.summary()`.

    The DataFrame has a row for each resource, with its JSON as text or bytes in the column `resource`, `line` or
    `value`, or in the only column. Other columns are ignored: the resource itself says whose it is. `settings` are
    those of the site, `plan` says at which moments the rules are asked, and if `rules` are given, only their rows are
    kept. `kinds` are the resource types that the DataFrame would hold if there were any; other types of which it holds
    none count as not seen. With a `key`, ids become keyed hashes. The lines are read at once, and kept on the disks of
    the executors until `.close()`. Raises BacktestError.
    """
    try:
        from service.backtest.spark.engine import Engine
        from service.backtest.spark.judging import work
    except ModuleNotFoundError as error:
        raise BacktestError(MISSING.format(error)) from None
    asked = work(settings or Settings(), plan or Plan(), known_by, rules, key)
    return Engine.of_lines(asked, dataframe.select(_column(dataframe)), frozenset(kinds))


def verdicts(dataframe: DataFrame, *settings: Any, **options: Any) -> DataFrame:
    """What each rule would have said at each moment, as in verdicts-*.parquet; the arguments are those of `read`."""
    return read(dataframe, *settings, **options).table("verdicts")


def cards(dataframe: DataFrame, *settings: Any, **options: Any) -> DataFrame:
    """The cards that would have been shown, as in cards-*.parquet; the arguments are those of `read`."""
    return read(dataframe, *settings, **options).table("cards")


def moments(dataframe: DataFrame, *settings: Any, **options: Any) -> DataFrame:
    """The moments at which the rules were asked, as in moments-*.parquet; the arguments are those of `read`."""
    return read(dataframe, *settings, **options).table("moments")


def _column(dataframe: DataFrame) -> str:
    """The column with the JSON of the resources."""
    types = dict(dataframe.dtypes)
    names = [name for name in COLUMNS if name in types] or (list(types) if len(types) == 1 else [])
    if not names:
        raise BacktestError(
            f"no column of the DataFrame is named {', '.join(COLUMNS)}: one holds the JSON of resources"
        )
    if types[names[0]] not in ("string", "binary"):
        raise BacktestError(f"the column {names[0]} holds {types[names[0]]}, not JSON as text: see to_json")
    return names[0]
