"""This environment as an archive of the kind that venv-pack makes."""

from __future__ import annotations

import os
import shutil
import subprocess
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

from tests.support.places import ROOT

OURS = "foot-drop-cds"
_LARGE = 15 << 20  # bytes of a package that is linked, since packing and unpacking it would take a minute


def pack(folder: Path) -> Path:
    """Pack a virtual environment with the package, its extra `backtest`, and the pandas that PySpark requires."""
    environment, archive = folder / "environment", folder / "environment.tar.gz"
    venv.create(environment, symlinks=True)
    (target,) = environment.glob("lib/python*/site-packages")
    for package in ("cards", "service"):
        shutil.copytree(ROOT / package, target / package)
    for one in {**dict(_needed(OURS, "backtest")), **dict(_needed("pandas", ""))}.values():
        _put(one, target)
    subprocess.run(["tar", "-I", "gzip -1", "-cf", archive, "-C", environment, "."], check=True)
    return archive


def _needed(name: str, extra: str) -> Iterator[tuple[str, Distribution]]:
    """An installed package, and those that it requires, by name."""
    waiting, seen = [(name, extra)], set[tuple[str, str]]()
    while waiting:
        place = waiting.pop()
        if place in seen:
            continue
        seen.add(place)
        try:
            package = distribution(place[0])
        except PackageNotFoundError:
            continue  # required on another system
        yield package.name, package
        for wanted in map(Requirement, package.requires or ()):
            if wanted.marker is None or wanted.marker.evaluate({"extra": place[1]}):
                waiting += [(wanted.name, one) for one in wanted.extras or {""}]


def _put(package: Distribution, target: Path) -> None:
    """Copy a package, or link to it if it is large; of ours only the metadata, since its files may be the tree."""
    files = [file for file in package.files or () if ".." not in file.parts]
    is_large = sum(file.size or 0 for file in files) > _LARGE
    names = {file.parts[0] for file in files} - {"__pycache__"}
    for name in {name for name in names if package.name != OURS or name.endswith(".dist-info")}:
        source, copy = Path(str(package.locate_file(name))), target / name
        if is_large:
            os.symlink(source, copy)
        elif source.is_dir():
            shutil.copytree(source, copy, dirs_exist_ok=True)
        elif source.exists():
            shutil.copy2(source, copy)
