"""What is needed for clients alone is loaded for clients alone: a first answer of `serve --dev` takes no longer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.signing import registered

HEAVY = ["sqlalchemy", "alembic", "psycopg", "jwt", "cryptography"]
SAY = f"import sys; print(*[name for name in {HEAVY} if name in sys.modules])"


def loaded(code: str, folder: Path) -> list[str]:
    """Which of the heavy packages a process has loaded after this code."""
    command = [sys.executable, "-c", f"{code}\n{SAY}"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.split()


def test_development_loads_no_database_and_no_cryptography(tmp_path: Path) -> None:
    assert loaded("import service.command.cli", tmp_path) == []
    assert loaded("from service.app import create_app; create_app(dev=True)", tmp_path) == []
    registered(tmp_path)
    clients = "from service.settings import load; from service.app import create_app; create_app(load())"
    assert loaded(clients, tmp_path) == [name for name in HEAVY if name != "psycopg"]
