"""Services on several machines answer as one, by one PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.postgresql import postgresql
from tests.support.processes import serving
from tests.support.racing import AT_ONCE, CROWD, TOKENS, answered
from tests.support.signing import registered


def test_of_two_services_over_one_postgresql_one_takes_a_token(tmp_path: Path) -> None:
    file = registered(tmp_path)
    words = ["--port", "0", "--settings", str(file)]
    with postgresql() as server, pytest.MonkeyPatch.context() as environment:
        environment.setenv("FOOT_DROP_CDS_STORE_URL", server.url)
        with serving(tmp_path, *words) as (_, one), serving(tmp_path, *words) as (_, other):
            assert answered([one, other], 1, CROWD) == {200: 1, 401: CROWD - 1}
            assert answered([one, other]) == {200: TOKENS, 401: TOKENS * (AT_ONCE - 1)}
    assert sorted(file.name for file in (tmp_path / "data").iterdir()) == ["hash.key", "rule_modes.json"]
