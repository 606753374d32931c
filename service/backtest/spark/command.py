"""A whole run on Spark: what `backtest --engine spark` does."""

from __future__ import annotations

import builtins
import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from py4j.protocol import Py4JError
from pyspark.conf import SparkConf
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from service.backtest.asked import FILE, Asked, asked_for
from service.backtest.codes import CODES
from service.backtest.errors import BacktestError
from service.backtest.export import find
from service.backtest.local import OPEN_TO_OWNER, Progress
from service.backtest.spark.engine import Engine
from service.backtest.spark.judging import work
from service.backtest.spark.storage import Folder
from service.backtest.summary import Summary, summed

UNPACKED = "environment"
"""The folder of an executor in which it unpacks the archive."""
_MASTER = re.compile(r"local(\[[\d*,\s]+\])?|local-cluster\[\d+,\d+,\d+\]|spark://\S+:\d+(,\S+:\d+)*|yarn|k8s://\S+")
_NO_MASTER = "{!r} is not the address of a Spark master: local[2], spark://host:7077, yarn or k8s://https://host:6443"
_ERROR = re.compile(r"^(?:\w+\.)*(\w+Error): ?(.*)$", re.MULTILINE)
_NO_JAVA = "Spark cannot be started: it needs Java 17 or newer (Debian: apt-get install openjdk-17-jre-headless)"
_JAVA = "-XX:TieredStopAtLevel=1"  # Java only moves the lines: optimising its code takes more than it saves
_OURS = [
    ("spark.driver.defaultJavaOptions", _JAVA),
    ("spark.executor.defaultJavaOptions", _JAVA),
    ("spark.log.level", "ERROR"),
    ("spark.sql.execution.arrow.maxRecordsPerBatch", "1000"),  # packs are larger than the rows that Spark expects
    ("spark.ui.showConsoleProgress", str(sys.stderr.isatty()).lower()),
]


class SparkJob(Asked, frozen=True, kw_only=True):
    """What Spark is asked for. `master` is empty if spark-submit names it; `archive` is a packed environment."""

    out: str
    master: str = ""
    archive: Path | None = None
    conf: tuple[tuple[str, str], ...] = ()


def run(job: SparkJob, *, progress: Progress = lambda *_: None) -> Summary:
    """Judge every patient of an export, and write the rows. Raises BacktestError."""
    export = find(job.export)
    before = os.umask(OPEN_TO_OWNER)
    try:
        with _refusing():
            session = started(job)
            try:
                folder = Folder.begun(job.out)
                folder.write(FILE, msgspec.json.encode(asked_for(job)))
                asked = work(job.settings, job.plan, job.known_by, job.rules, _key(job))
                progress("Reading", 0, 1)
                engine = Engine.of_sources(session, asked, export.sources, export.kinds)
                progress("Reading", 1, 1)
                folder.write(CODES, msgspec.json.encode(engine.looked()))
                progress("Judging", 0, 1)
                counts = engine.write(folder)
                progress("Judging", 1, 1)
                engine.close()
                folder.tidy()
                summary = summed(export, engine.reads, counts, engine.absent)
                folder.write("summary.json", msgspec.json.format(msgspec.json.encode(summary), indent=2))
            finally:
                session.stop()
    finally:
        os.umask(before)
    return summary


def started(job: SparkJob) -> SparkSession:
    """The session of a cluster. Raises BacktestError if `master` is no master, or Java is missing."""
    conf = SparkConf().setAppName("foot-drop-cds backtest")
    if job.master or not _is_submitted():
        if not _MASTER.fullmatch(job.master):
            raise BacktestError(_NO_MASTER.format(job.master))
        conf.setMaster(job.master).setAll(_OURS)
    conf.setAll(job.conf)
    if job.archive:
        conf.set("spark.archives", f"{job.archive.absolute()}#{UNPACKED}")
        os.environ["PYSPARK_PYTHON"] = f"./{UNPACKED}/bin/python"
    else:
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    return SparkSession.builder.config(conf=conf).getOrCreate()


def _is_submitted() -> bool:
    """Whether spark-submit runs this program, and so gives the master and the settings."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def _key(job: SparkJob) -> str:
    """The key of pseudonyms: that of the settings, or one that is thrown away; empty if ids stay as they are."""
    if not job.is_pseudonymous:
        return ""
    key = job.settings.hash_key
    return key.get_secret_value() if key else secrets.token_hex(32)


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn what went wrong into one sentence; the log of an executor says where."""
    try:
        yield
    except (PySparkException, Py4JError) as error:
        java = getattr(error, "java_exception", None)
        raise BacktestError(_why(str(java.getMessage() if java is not None else error))) from None
    except OSError as error:
        raise BacktestError(f"reading or writing failed: {error}") from None


def _why(said: str) -> str:
    """The last error in what Spark says, with its words only if they are about files or packages, not about data."""
    if "JAVA_GATEWAY_EXITED" in said:
        return _NO_JAVA
    if "No module named 'service'" in said:
        return (
            "the Python of the executors lacks foot-drop-cds: ship it with --archive, or name one with PYSPARK_PYTHON"
        )
    errors = _ERROR.findall(said)
    if not errors:
        return f"Spark failed: {next(iter(said.strip().splitlines()), '')}"
    name, words = errors[-1]
    kind = getattr(builtins, name, None)
    is_told = isinstance(kind, type) and issubclass(kind, OSError | ImportError)
    return f"an executor failed: {name}{f': {words}' if is_told else ''}; its log says more"
