"""Where several machines write a result: a shared folder, or an address such as s3://bucket/result."""

from __future__ import annotations

import secrets
from io import BytesIO
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem
from msgspec import Struct

from service.backtest.errors import BacktestError


class Folder(Struct, frozen=True):
    """A folder, given by its address; a file in it is there wholly or not at all."""

    address: str

    def _open(self) -> tuple[Any, str]:
        fs, path = fsspec.core.url_to_fs(self.address)
        return fs, str(path)

    @classmethod
    def begun(cls, address: str) -> Folder:
        """An empty folder, for its owner alone. Raises BacktestError if something is in it, or if it cannot be made."""
        try:
            fs, path = fsspec.core.url_to_fs(address)
            if fs.exists(path) and fs.ls(path):
                raise BacktestError(f"{address} is not empty: name another --out")
            fs.makedirs(path, exist_ok=True)
            if _is_local(fs):
                Path(path).chmod(0o700)
            return cls(fs.unstrip_protocol(path))
        except (ImportError, OSError, ValueError) as error:
            raise BacktestError(f"{address} cannot be written: {error}") from None

    def write_table(self, name: str, table: pa.Table) -> None:
        """Write a table as Parquet."""
        held = BytesIO()
        pq.write_table(table, held, compression="zstd", compression_level=1)
        self.write(name, held.getvalue())

    def write(self, name: str, data: bytes) -> None:
        """Write a file. Two processes that write it at once do not disturb each other."""
        fs, path = self._open()
        target = f"{path}/{name}"
        if not _is_local(fs):
            fs.pipe_file(target, data)  # such a storage shows a file only when it is whole
            return
        temporary = Path(f"{target}.{secrets.token_hex(8)}.tmp")
        temporary.write_bytes(data)
        temporary.replace(target)

    def tidy(self) -> None:
        """Remove what killed processes left behind."""
        fs, path = self._open()
        if _is_local(fs):
            for file in Path(path).glob("*.tmp"):
                file.unlink(missing_ok=True)


def _is_local(fs: Any) -> bool:
    return isinstance(fs, LocalFileSystem)
