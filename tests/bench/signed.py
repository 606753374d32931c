"""Over HTTP, signed: the service with a registered client, compared with a null route that verifies the same tokens."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.bench.over_http import Headers, Server, started
from tests.support.signing import ec_key, registered, rsa_key, token

KEYS: dict[str, tuple[Any, str]] = {"ES384": (ec_key, "es"), "RS384": (rsa_key, "rs")}
"""What makes a key of the client, and its kid, by algorithm."""
_SERVE = "from service.command.cli import main; main()"
_NULL = "import sys; from tests.bench.null_app import signed; signed(sys.argv[1])"


@contextmanager
def servers(algorithm: str) -> Iterator[tuple[Server, Server]]:
    """The service and the null route until the block ends; each call carries a new token."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        settings = str(registered(Path(folder)))
        carried = _bearers(algorithm)
        service = ("-c", _SERVE, "serve", "--port", "0", "--settings", settings)
        yield tuple(
            stack.enter_context(started(arguments, carried)) for arguments in (service, ("-c", _NULL, settings))
        )  # type: ignore[misc]


def _bearers(algorithm: str) -> Headers:
    key, kid = KEYS[algorithm]
    return lambda: {"Authorization": f"Bearer {token(key(), algorithm, kid)}"}
