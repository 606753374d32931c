"""The files of a Bulk Data export: a folder here or in a cloud, one file, or a manifest; plain, gz or zstd."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from posixpath import basename, dirname, join
from typing import Any

import fsspec
import msgspec
import zstandard
from msgspec import Struct

from cards.record.decoding import NO_JSON
from service.backtest.errors import BacktestError
from service.backtest.lines import Fate

_PACKAGES = {
    **{"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs"},
    **{"abfs": "adlfs", "abfss": "adlfs", "az": "adlfs"},
}
"""The package that reads addresses of each scheme."""
_CHUNK = 1 << 17  # bytes read at once: few enough for the processor's cache
_SPAN = 128 << 20  # bytes of a plain file that one process reads
LONGEST_LINE = 64 << 20  # bytes: documents of that size are kept in other files
PLAIN = (".ndjson", ".jsonl")
_ENDINGS = tuple(plain + packed for plain in PLAIN for packed in ("", ".gz", ".zst"))


class Source(Struct, frozen=True):
    """A file, or its lines that begin at or after byte `start` and before `end`."""

    path: str
    start: int = 0
    end: int | None = None


class Export(Struct, frozen=True):
    """What an export consists of. `expected` is the number of lines that its manifest gives, None if it gives none."""

    sources: tuple[Source, ...]
    kinds: frozenset[str] = frozenset()
    expected: int | None = None
    notes: tuple[str, ...] = ()


class _Output(Struct):
    type: str = ""
    url: str = ""
    count: int | None = None


class _Manifest(Struct):
    output: list[_Output]
    deleted: list[_Output] = []
    error: list[_Output] = []


def find(address: str) -> Export:
    """The files of an export. Raises BacktestError when there are none, or they cannot be listed."""
    package = _PACKAGES.get(address.partition("://")[0])
    if package and find_spec(package) is None:
        raise BacktestError(f"{address} cannot be read here: pip install {package}")
    try:
        fs, path = fsspec.core.url_to_fs(address)
        if fs.isfile(path):
            if path.endswith(".json"):
                return _of_manifest(fs, address, path)
            return Export(tuple(_spans(fs, fs.unstrip_protocol(path), fs.size(path))), _kinds([path]))
        listed = fs.find(path, detail=True) if fs.exists(path) else {}
    except BacktestError:
        raise
    except Exception as error:  # cloud libraries raise their own errors: no credentials, no route
        raise BacktestError(f"{address} cannot be read: {error}") from None
    files = {name: about.get("size") or 0 for name, about in sorted(listed.items()) if name.endswith(_ENDINGS)}
    if not files:
        raise BacktestError(f"{address} holds no files of an export: none ends with {', '.join(_ENDINGS[:3])}")
    return Export(
        tuple(span for name, size in files.items() for span in _spans(fs, fs.unstrip_protocol(name), size)),
        _kinds(files),
    )


def _of_manifest(fs: Any, address: str, path: str) -> Export:
    """The export of a manifest: each file next to it, or else at its own address."""
    try:
        manifest = msgspec.json.decode(fs.cat_file(path), type=_Manifest)
    except (*NO_JSON, msgspec.ValidationError):
        raise BacktestError(f"{address} is not the manifest of an export: it needs `output`, a list of files") from None
    sources: list[Source] = []
    for one in manifest.output:
        beside = join(dirname(path), basename(one.url))
        place = fs.unstrip_protocol(beside) if fs.exists(beside) else one.url
        if place.startswith(("http://", "https://")) or "://" not in place:
            raise BacktestError(
                f"{basename(one.url)} is in the manifest but not next to it: download the files there first"
            )
        other, inner = fsspec.core.url_to_fs(place)
        if not other.exists(inner):
            raise BacktestError(f"{place}, which the manifest names, is not there")
        sources += _spans(other, place, other.size(inner))
    counts = [one.count for one in manifest.output]
    notes = [f"the manifest names {len(manifest.error)} files of errors, which are not read"] if manifest.error else []
    if manifest.deleted:
        notes.append(f"the manifest names {len(manifest.deleted)} files of deletions, which are not applied")
    return Export(
        tuple(sources),
        frozenset(one.type for one in manifest.output if one.type),
        None if None in counts else sum(count or 0 for count in counts),
        tuple(notes),
    )


def _spans(fs: Any, place: str, size: int) -> Iterator[Source]:
    if not place.endswith(PLAIN) or size <= _SPAN:
        yield Source(place)
        return
    for start in range(0, size, _SPAN):
        yield Source(place, start, start + _SPAN)


def _kinds(names: Any) -> frozenset[str]:
    """The words in the names of files, types among them, as in Condition.000.ndjson."""
    words = {word for name in names for word in basename(name).replace("-", ".").replace("_", ".").split(".")}
    return frozenset(words)


def lines(source: Source) -> Iterator[bytes | Fate]:
    """The lines of a source without line ends and blank lines; a Fate stands for anything that is lost.

    Raises OSError when the file cannot be read.
    """
    for _, block in blocks(source):
        if isinstance(block, Fate):
            yield block
        else:
            yield from filter(None, map(bytes.strip, block))


def blocks(source: Source) -> Iterator[tuple[int, list[bytes] | Fate]]:
    """The same lines, many at once and exactly as they stand between line feeds.

    Each block comes with the position, in bytes, at which it begins in the (unpacked) file.
    """
    with _opened(source.path) as file:
        if source.path.endswith(".gz"):
            yield from _split(_unpacked(file, lambda: zlib.decompressobj(wbits=31)))
        elif source.path.endswith(".zst"):
            yield from _split(_unpacked(file, lambda: zstandard.ZstdDecompressor().decompressobj()))
        else:
            at = source.start
            if at:
                file.seek(at - 1)
                at += len(file.readline()) - 1
            yield from _split(_span(file, at, source.end), at)


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    try:
        with fsspec.open(path, "rb") as file:
            yield file
    except OSError:
        raise
    except Exception as error:  # errors of the cloud libraries
        raise OSError(f"{path}: {error}") from None


def _span(file: Any, at: int, end: int | None) -> Iterator[bytes | Fate]:
    """The bytes of the lines of a plain file that begin between `at` and `end`; the last may end beyond `end`."""
    if end is None:
        while chunk := file.read(_CHUNK):
            yield chunk
        return
    chunk = b"\n"
    while at < end and (chunk := file.read(min(_CHUNK, end - at))):
        at += len(chunk)
        yield chunk
    if chunk and not chunk.endswith(b"\n"):
        yield file.readline()


def _unpacked(file: Any, start: Callable[[], Any]) -> Iterator[bytes | Fate]:
    """The content of a compressed file, through all its members; CUT_OFF if it ends within one or is damaged."""
    packed = start()
    is_within = False
    while chunk := file.read(_CHUNK):
        while chunk:
            try:
                yield packed.decompress(chunk)
            except (zlib.error, zstandard.ZstdError):
                yield Fate.CUT_OFF
                return
            is_within = not packed.eof
            chunk = packed.unused_data if packed.eof else b""
            if packed.eof:
                packed = start()
                chunk = chunk.lstrip(b"\0")  # zeros that may pad a file to whole blocks
    if is_within:
        yield Fate.CUT_OFF


def _split(chunks: Iterator[bytes | Fate], at: int = 0) -> Iterator[tuple[int, list[bytes] | Fate]]:
    """Chunks split into lines; the first line begins at byte `at`."""
    rest, is_too_long = b"", False
    for chunk in chunks:
        if isinstance(chunk, Fate):
            yield at, chunk
            continue
        *whole, rest = (rest + chunk).split(b"\n")
        if is_too_long and whole:
            is_too_long = False
            yield at, Fate.TOO_LONG
            at += len(whole.pop(0)) + 1
        yield at, whole
        at += sum(map(len, whole)) + len(whole)
        if len(rest) > LONGEST_LINE:
            at += len(rest)
            rest, is_too_long = b"", True
    yield at, Fate.TOO_LONG if is_too_long else [rest]
