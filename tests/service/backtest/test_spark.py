"""On Spark every row is as on one machine, whatever is wrong with the export, and though an executor is lost."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

from service.backtest import spark
from service.backtest.codes import CODES
from service.backtest.errors import BacktestError
from service.backtest.moments import Plan
from service.backtest.patient import LOST
from service.backtest.spark.command import UNPACKED, SparkJob, started
from service.settings import Settings
from tests.support.exports import BORN, FOOT_DROP, Json, backtest, rows, summary, visit, without_times, write
from tests.support.packed import pack
from tests.support.population import patient

CLUSTER = "local-cluster[2,1,1024]"
CONF = (("spark.ui.enabled", "false"),)
MAX_RECORDS = 80
PATIENTS = 40
OTHERS = 80  # so that of the codes of all patients not all are looked at


def records() -> Iterator[Json]:
    """A population in which one chart is larger than max_records, and one more than twice as large."""
    for number in range(PATIENTS):
        yield from patient(number, 140 if number == 2 else 40, 3, 2, "mixed")


def odd() -> list[Json]:
    """Records that stand there twice, or otherwise, or before the birth, or of nobody, or of medicines."""
    plain = FOOT_DROP | {"id": "plain", "subject": {"reference": "Patient/q2"}, "code": {"text": "cough"}}
    pill = {"resourceType": "Medication", "id": "pill", "code": {"text": "gabapentin"}}
    taken = {
        "resourceType": "MedicationRequest",
        "id": "taken",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/p1"},
        "medicationReference": {"reference": "Medication/pill"},
        "authoredOn": "2025-03-10T10:00:00",
    }
    return [
        *(BORN | {"id": "q1"}, BORN | {"id": "q2"}, plain, plain, plain | {"recordedDate": "1950-01-01"}),
        *(FOOT_DROP | {"subject": {"reference": "Patient/q1"}, "onsetDateTime": "2025-02-31"}, pill, taken),
        plain | {"subject": {"reference": "Patient/nobody"}},
        visit(1, "2025-03-11T10:00:00Z", subject={"reference": "Patient/q1"}),
        visit(2, "2025-03-11", subject={"reference": "Patient/q2"}),
    ]


def others() -> Iterator[Json]:
    """Patients who were never seen, each with a code that nobody knows."""
    for number in range(OTHERS):
        code = {"coding": [{"system": "http://example.org/own", "code": f"OWN-{number}"}]}
        yield BORN | {"id": f"r{number}"}
        yield FOOT_DROP | {"id": f"r{number}", "subject": {"reference": f"Patient/r{number}"}, "code": code}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export with all that may be wrong, and what one machine makes of it."""
    place = tmp_path_factory.mktemp("spark")
    write(place / "export", records())
    write(place / "export", odd(), name="odd.ndjson")
    write(place / "export", others(), name="others.ndjson")
    with (place / "export" / "bad.ndjson").open("w") as file:
        file.write(
            '{no json\n\n[1, 2]\n{"resourceType": "Wonder", "id": "x"}\n{"resourceType": "Condition", "id": "x"}\n'
        )
    packed = gzip.compress("".join(f"{json.dumps(visit(n, '2025-03-12T10:00:00Z'))}\n" for n in range(50)).encode())
    (place / "export" / "cut.ndjson.gz").write_bytes(packed[: len(packed) * 2 // 3])
    (place / "foot-drop-cds.toml").write_text(f"max_records = {MAX_RECORDS}\n")
    done = backtest(place, place / "export", out="local")
    assert done.returncode == 0, done.stderr
    return place


def test_an_executor_that_is_killed_costs_and_doubles_nothing(folder: Path) -> None:
    command = [sys.executable, "-m", "service.command.cli", "backtest", "export", "--out", "spark"]
    settings = [word for name, value in CONF for word in ("--conf", f"{name}={value}")]
    words = ["--engine", "spark", "--master", CLUSTER, *settings]
    own = {name: value for name, value in os.environ.items() if name != "PYSPARK_PYTHON"}  # that of the session below
    with (folder / "said").open("w") as said:
        running = subprocess.Popen(
            [*command, *words], cwd=folder, env=own, start_new_session=True, stdout=said, stderr=said
        )
        until = time.monotonic() + 400
        while running.poll() is None and not list(folder.glob("spark/verdicts-*.parquet")):
            assert time.monotonic() < until
            time.sleep(0.02)
        killed = executors(running.pid)[:1]
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        assert running.wait(400) == 0, (folder / "said").read_text()
    assert killed
    for table in ("verdicts", "cards", "moments"):
        assert without_times(rows(folder / "spark", table)) == without_times(rows(folder / "local", table))
    assert summary(folder / "spark") == summary(folder / "local")
    looked_at = json.loads((folder / "spark" / CODES).read_text())
    assert 1 < len([one for one in looked_at["codes"] if one["code"].startswith("OWN-")]) < OTHERS
    assert (folder / "spark" / CODES).read_bytes() == (folder / "local" / CODES).read_bytes()
    assert not list(folder.glob("spark/*.tmp"))
    assert "Written to spark" in (folder / "said").read_text()
    subprocess.run([*command[:3], "backtest-report", "local"], cwd=folder, check=True, timeout=120)
    assert cards_told(folder / "spark") == cards_told(folder / "local") != []


def cards_told(out: Path) -> list[str]:
    """What the report says of the cards of each rule."""
    assert (out / "report.html").exists()
    lines = (out / "report.csv").read_text().splitlines()
    return [line for line in lines if line.startswith("rule,")]


def executors(session: int) -> list[int]:
    """The executors among the processes of a session."""
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _is_executor(pid, session)]


def _is_executor(pid: int, session: int) -> bool:
    try:
        is_ours = os.getsid(pid) == session
        return is_ours and b"CoarseGrainedExecutorBackend" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A cluster that this process drives, whose executors run a packed environment and see no other."""
    archive = pack(tmp_path_factory.mktemp("packed"))
    job = SparkJob(export="", out="", settings=Settings(), plan=Plan(), master=CLUSTER, archive=archive, conf=CONF)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PYSPARK_PYTHON", "PYTHONPATH"):
            patch.setenv(name, "")  # so that it is as before at the end, whatever is set meanwhile
            patch.delenv(name)
        session = started(job)
        yield session
        session.stop()


def test_executors_run_what_is_packed(session: SparkSession) -> None:
    names = ("service.backtest.spark.judging", "msgspec._core", "pydantic_core._pydantic_core")

    def places(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        files = [str(import_module(name).__file__) for name in names]
        for _ in batches:
            yield pa.RecordBatch.from_pydict({"place": [sys.prefix, *files]})

    prefix, *files = [row.place for row in session.range(0, 1, 1, 1).mapInArrow(places, "place string").collect()]
    assert Path(prefix).name == UNPACKED
    assert all(Path(file).is_relative_to(prefix) for file in files), files


@pytest.fixture(scope="module")
def lines(session: SparkSession) -> DataFrame:
    """The population as a table: a resource a row, and whatever else."""
    every = [(json.dumps(one), one["id"]) for one in records()]
    flood = [FOOT_DROP | {"id": f"flood{n}", "subject": {"reference": "Patient/p4"}} for n in range(5 * MAX_RECORDS)]
    return session.createDataFrame([*every, *((json.dumps(one), "") for one in flood)], "resource string, id string")


def test_a_table_of_resources_is_judged_though_one_patient_floods_it(folder: Path, lines: DataFrame) -> None:
    read = spark.read(lines, Settings(max_records=MAX_RECORDS), kinds=summary(folder / "local")["types"])
    counted = read.summary()
    assert counted.patients == PATIENTS
    assert counted.counts[LOST] > 2 * MAX_RECORDS
    assert counted.counts["patients with more than max_records (their newest records count)"] == 2
    for table in ("verdicts", "cards", "moments"):
        said = [row.asDict() for row in read.table(table).collect()]
        flooded = [row for row in said if row["patient"] == "p4"]
        assert flooded or table == "cards"
        if table == "verdicts":
            assert {row["outcome"] for row in flooded} >= {"could-not-evaluate"}
        usual = partial(filter, lambda row: row["patient"] not in ("p1", "p4", "q1", "q2"))
        on_one = list(usual(rows(folder / "local", table)))
        assert len(on_one) > 10
        keyed = sorted(map(_comparable, usual(said)))
        assert keyed == sorted(map(_comparable, on_one))
    read.close()


def _comparable(row: Json) -> str:
    named = row | {"milliseconds": 0, "moment": row["moment"].timestamp()}
    return json.dumps(named, sort_keys=True)


def test_the_functions_for_a_table_are_those_of_a_run(session: SparkSession) -> None:
    texts = [(json.dumps(one).encode(),) for one in (BORN, FOOT_DROP, visit(1, "2025-03-11T10:00:00Z"))]
    alone = session.createDataFrame(texts, "anything binary")
    (card,) = spark.cards(alone, rules={"lumbar-mri"}).collect()
    (verdict,) = spark.verdicts(alone, rules={"lumbar-mri"}).collect()
    assert (card.patient, verdict.patient, verdict.outcome) == ("p1", "p1", "card")
    assert "M21.372" in verdict.evidence or "drop" in verdict.evidence
    with pytest.raises(BacktestError, match="holds bigint, not JSON as text"):
        spark.verdicts(session.range(3).withColumnRenamed("id", "resource"))
    with pytest.raises(BacktestError, match="no column of the DataFrame is named resource, line, value"):
        spark.verdicts(session.range(3).selectExpr("id", "id AS other"))


@pytest.mark.parametrize("master", ["nonsense", "spark:host", ""])
def test_a_master_that_is_none_is_refused_in_a_sentence(folder: Path, master: str) -> None:
    done = backtest(folder, folder / "export", "--engine", "spark", "--master", master, out="other", processes=None)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].endswith("spark://host:7077, yarn or k8s://https://host:6443")
    assert "Traceback" not in done.stderr
