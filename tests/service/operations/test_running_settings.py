"""The settings by which the service is run: what is refused, and in which words."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from service.settings import RefusedSettingsError, Settings, load


@pytest.mark.parametrize(
    ("address", "read"),
    [
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        ("[::1]:0", ("::1", 0)),
        ("metrics.internal:65535", ("metrics.internal", 65535)),
    ],
)
def test_an_address_of_metrics(address: str, read: tuple[str, int]) -> None:
    assert Settings(metrics_address=address).metrics_at == read


@pytest.mark.parametrize(
    ("text", "named"),
    [
        *((f'metrics_address = "{address}"', "an address and a port") for address in (
            "", "9464", ":9464", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:9464", "[::1]", "127.0.0.1:x",
            "http://127.0.0.1:9464",
        )),
        ("max_waiting = 0", "max_waiting"),
        ("drain_s = -1", "drain_s"),
        ("drain_s = 601", "drain_s"),
        ('log_level = "debug"', "log_level"),
        ('log_format = "xml"', "log_format"),
        ('otlp_endpoint = "collector:4318"', "not an http or https address"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(text)
    with pytest.raises(RefusedSettingsError, match=named):
        load(file, {})


def test_traces_need_more_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)
    with pytest.raises(RefusedSettingsError, match=r"pip install 'foot-drop-cds\[otel\]'"):
        load(environment={"FOOT_DROP_CDS_OTLP_ENDPOINT": "http://127.0.0.1:4318"})
