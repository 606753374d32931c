"""An export may lie at any address that fsspec reads: the rows are those of a folder."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
import zstandard

from service.backtest.errors import BacktestError
from service.backtest.places import Files
from tests.support.exports import BORN, FOOT_DROP, backtest, rows, summary, visit, write

RECORDS = [BORN, *(visit(number, f"2025-03-1{number}T10:00:00Z") for number in range(5)), FOOT_DROP]
ADDRESS = "memory://bucket/export"


@pytest.fixture
def bucket() -> Iterator[Any]:
    storage = fsspec.filesystem("memory")
    yield storage
    storage.rm("/bucket", recursive=True)


def said(folder: Path, out: str) -> list[Any]:
    kept = rows(folder / out) + rows(folder / out, "moments")
    return sorted(json.dumps(row | {"milliseconds": 0}, default=str, sort_keys=True) for row in kept)


def test_an_address_gives_the_rows_of_a_folder(tmp_path: Path, bucket: Any) -> None:
    local = write(tmp_path / "export", RECORDS)
    assert backtest(tmp_path, local).returncode == 0
    packing: dict[str, Callable[[bytes], bytes]] = {
        "Patient": gzip.compress,
        "Condition": zstandard.ZstdCompressor().compress,
        "Encounter": bytes,
    }
    endings = {"Patient": ".gz", "Condition": ".zst", "Encounter": ""}
    output = []
    for kind, pack in packing.items():
        name = f"{kind}.ndjson{endings[kind]}"
        bucket.pipe(f"/bucket/export/{name}", pack((local / f"{kind}.ndjson").read_bytes()))
        output.append({"type": kind, "url": f"https://ehr.example/{name}"})
    bucket.pipe("/bucket/export/manifest.json", json.dumps({"output": output}).encode())
    for number, address in enumerate((ADDRESS, f"{ADDRESS}/manifest.json")):
        done = backtest(tmp_path, address, out=f"remote-{number}")
        assert done.returncode == 0, done.stderr
        assert said(tmp_path, f"remote-{number}") == said(tmp_path, "out")
        assert summary(tmp_path / f"remote-{number}")["lines"] == summary(tmp_path / "out")["lines"]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("s3://bucket/x", "cannot be read here: pip install s3fs"),
        ("abfss://box@account.dfs.core.windows.net/x", "cannot be read here: pip install adlfs"),
        ("gs://bucket/x", "cannot be read here: pip install gcsfs"),
        ("wonder://bucket/x", "cannot be read: Protocol not known: wonder"),
    ],
)
def test_an_address_that_cannot_be_read_says_what_to_install(tmp_path: Path, address: str, words: str) -> None:
    done = backtest(tmp_path, address)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


def test_a_file_that_was_changed_since_it_was_read_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "Patient.ndjson"
    file.write_bytes(b'{"a": 1}\n{"b": 2}\n')
    stamp = file.stat().st_mtime_ns
    with Files() as files:
        assert files.line(str(file), stamp, 9, 8, None) == b'{"b": 2}'
        with pytest.raises(BacktestError, match="was changed"):
            files.line(str(file), stamp, 9, 20, None)
    with Files() as files, pytest.raises(BacktestError, match="was changed"):
        files.line(str(file), stamp + 1, 9, 8, None)
