"""The engine of one machine: reads, sorts and judges with a process for each core, and continues where it was stopped.

Finished steps are kept in the folder `work` of the result until everything is done: each step leaves a file that is
written whole or not at all, and is not repeated.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import duckdb
import msgspec
import pyarrow as pa

from service.app import evaluator
from service.backtest.asked import FILE, Asked, asked_for
from service.backtest.codes import CODES, look
from service.backtest.errors import BacktestError
from service.backtest.export import Export, Source, find
from service.backtest.output import Rows, plain
from service.backtest.parts import Part
from service.backtest.patient import LOST, Backtest, Judgement
from service.backtest.reading import ExportReader
from service.backtest.sorting import Read, read_source, sort, write_whole
from service.backtest.summary import Summary, summed
from service.evaluation import Evaluator
from service.memory.own_words import in_own_words
from service.settings import Settings
from service.store.hashing import keyed_hash

OPEN_TO_OWNER = 0o077  # the permissions that everybody else is denied
_GO_ON = "What is done is kept: continue with --resume."
T = TypeVar("T")
Progress = Callable[[str, int, int], None]
"""Called with the name of a step, how much of it is done, and how much there is."""


class Job(Asked, frozen=True, kw_only=True):
    """What one machine is asked for; `memory` is for each process."""

    out: Path
    processes: int = 1
    memory: str = "1GB"

    @property
    def work(self) -> Path:
        """The folder of the work that is not yet finished."""
        return self.out / "work"


def run(job: Job, *, resume: bool = False, progress: Progress = lambda *_: None) -> Summary:
    """Judge every patient of an export, and write the rows. Raises BacktestError."""
    before = os.umask(OPEN_TO_OWNER)
    try:
        return _run(job, resume, progress)
    except BrokenProcessPool:
        raise BacktestError(f"a process was ended from outside, perhaps because memory ran out. {_GO_ON}") from None
    except duckdb.OutOfMemoryException:
        raise BacktestError(
            f"there is not enough memory or disk space (--memory, now {job.memory}). {_GO_ON}"
        ) from None
    except (OSError, duckdb.Error, pa.ArrowException) as error:
        raise BacktestError(f"{_why(error, job.out)}. {_GO_ON}") from None
    finally:
        os.umask(before)


def _why(error: Exception, out: Path) -> str:
    number = error.errno if isinstance(error, OSError) else None
    said = str(error)
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or "No space left" in said or "File too large" in said:
        return f"{out} cannot be written any further: the disk is full, or a quota is reached"
    return f"reading or writing failed: {said}"


def _run(job: Job, resume: bool, progress: Progress) -> Summary:
    export = find(job.export)
    finished = _begin(job, export, resume)
    if finished is not None:
        return finished
    with _pool(job.processes) as submit:
        reads = _read(job, export, submit, progress)
        look(job.work, job.out / CODES, reads, _backtest(job, frozenset()).codes, job.memory)
        progress("Sorting", 0, 1)
        held = sort(job.work, job.processes, job.memory, job.settings.max_records)
        progress("Sorting", 1, 1)
        absent = _absent(job, export, reads)
        done = _judge(job, absent, held.patients, submit, progress)
    summary = summed(export, reads, [held.counts, *done], absent)
    write_whole(job.out / "summary.json", msgspec.json.format(msgspec.json.encode(summary), indent=2))
    for file in job.out.glob("done-*.json"):
        file.unlink()
    shutil.rmtree(job.work)
    return summary


def _begin(job: Job, export: Export, resume: bool) -> Summary | None:
    """Prepare the folder; returns the summary if everything is done already."""
    begun = job.out / FILE
    asked = msgspec.json.encode(_fingerprint(job, export))
    if resume and begun.exists():
        if begun.read_bytes() != asked:
            raise BacktestError(
                f"{job.out} was started with another export, other options or other rules: name another --out"
            )
        finished = job.out / "summary.json"
        if finished.exists():
            return msgspec.json.decode(finished.read_bytes(), type=Summary)
    elif job.out.exists() and any(job.out.iterdir()):
        raise BacktestError(f"{job.out} is not empty: name another --out, or continue with --resume")
    job.work.mkdir(parents=True, exist_ok=True)
    for folder in (job.out, job.work):
        folder.chmod(0o700)
    for file in [*job.out.glob("*.tmp"), *job.work.glob("*.tmp")]:
        file.unlink()
    key = job.work / "pseudonyms.key"
    if not key.exists():
        write_whole(key, secrets.token_hex(32).encode())
    write_whole(begun, asked)
    return None


def _fingerprint(job: Job, export: Export) -> dict[str, Any]:
    """What must be the same when a run continues."""
    return {"export": job.export, "sources": export.sources, **asked_for(job)}


Submit = Callable[[Callable[..., T], Iterable[tuple[Any, ...]]], Iterator[T]]


def _begin_process() -> None:
    """What each process does first: it makes its files private, and makes sure that it ends with its parent."""
    os.umask(OPEN_TO_OWNER)
    if (parent := parent_process()) is not None:
        Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


@contextmanager
def _pool(processes: int) -> Iterator[Submit[Any]]:
    """A function that calls another with each of several arguments, in this many processes, and yields the results."""
    if processes == 1:
        yield lambda call, each: (call(*one) for one in each)
        return
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin_process) as pool:

        def submit(call: Callable[..., T], each: Iterable[tuple[Any, ...]]) -> Iterator[T]:
            waiting = [pool.submit(call, *one) for one in each]
            try:
                yield from (one.result() for one in as_completed(waiting))
            finally:
                for one in waiting:
                    one.cancel()

        yield submit


def _read(job: Job, export: Export, submit: Submit[Read], progress: Progress) -> list[Read]:
    tasks = [(job, source, number) for number, source in enumerate(export.sources)]
    reads: list[Read] = []
    for read in submit(read_part, tasks):
        reads.append(read)
        progress("Reading", len(reads), len(tasks))
    return reads


def _absent(job: Job, export: Export, reads: list[Read]) -> frozenset[str]:
    """The types that the queries of the hook ask for, but of which the export holds nothing."""
    seen = {kind for read in reads for kind in read.kinds} | export.kinds
    return frozenset(_backtest(job, frozenset()).types - seen - {"Patient", "Encounter"})


def _judge(
    job: Job, absent: frozenset[str], patients: dict[int, int], submit: Submit[int], progress: Progress
) -> list[dict[str, int]]:
    """Judge the parts that are not done; returns what was counted in each part."""
    is_done = {number for number in patients if (job.out / f"done-{number:05}.json").exists()}
    done, every = sum(patients[number] for number in is_done), sum(patients.values())
    progress("Judging", done, every)
    for number in submit(judge_part, [(job, absent, number) for number in patients if number not in is_done]):
        done += patients[number]
        progress("Judging", done, every)
    files = [job.out / f"done-{number:05}.json" for number in patients]
    return [msgspec.json.decode(file.read_bytes(), type=dict[str, int]) for file in files]


_ready: list[tuple[Job, frozenset[str], Backtest]] = []


def _backtest(job: Job, absent: frozenset[str]) -> Backtest:
    """The Backtest of this process, made once for a job, its settings included."""
    for known, of_absent, backtest in _ready:
        if known == job and of_absent == absent:
            return backtest
    judges = Backtest(partial(_evaluator, job.settings), job.plan, job.known_by, absent, job.settings.max_records)
    _ready[:] = [(job, absent, judges)]
    return judges


def _evaluator(settings: Settings, now: Callable[[], datetime], reader: ExportReader) -> Evaluator:
    return evaluator(settings, now, None, reader)


def prepare(job: Job) -> None:
    """Make the Backtest of this process, so that its cost does not fall on the first chart."""
    _backtest(job, frozenset())


def read_part(job: Job, source: Source, number: int) -> Read:
    """Read a source in this process."""
    return read_source(source, number, job.work, _backtest(job, frozenset()))


def judge_part(job: Job, absent: frozenset[str], number: int) -> int:
    """Judge the patients of a part and write what was said of them; returns the number of the part."""
    backtest, counts = _backtest(job, absent), Counter[str]()
    rows = Rows(_named(job), in_own_words if job.is_pseudonymous else str, job.rules)
    with Part(job.work, number) as part:
        medicines = part.medicines()
        for patient, records in part.patients():
            lost = part.lost.get(patient, {})
            try:
                judgement: Judgement = backtest.judge(patient, records, medicines, frozenset(lost))
            except Exception as error:  # any error costs only this patient, whom no log names
                counts[f"patients who could not be judged ({type(error).__name__})"] += 1
                continue
            rows.add(judgement)
            counts += judgement.counts
            counts.update({"moments": len(judgement.judged), LOST: sum(lost.values())})
    rows.write(job.out, number, dict(counts))
    return number


def _named(job: Job) -> Callable[[str, str], str]:
    if not job.is_pseudonymous:
        return plain
    key = job.settings.hash_key
    return partial(keyed_hash(key.get_secret_value() if key else (job.work / "pseudonyms.key").read_text()))
