"""The settings for running the service: what it reports to monitoring, and when it refuses requests or ends."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr, field_validator

from service.fhir.address import read_address, without_secrets
from service.store.hashing import FEWEST


class Running(BaseModel):
    """The part of the settings that does not change any answer."""

    metrics_address: str | None = None
    max_waiting: Annotated[int, Field(ge=1, le=100_000)] = 64  # in one worker
    drain_s: Annotated[float, Field(ge=0, le=600)] = 0
    log_level: Literal["info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    log_identifiers: bool = False
    otlp_endpoint: str | None = None
    report_token: SecretStr | None = None
    report_small_counts: Annotated[int, Field(ge=1, le=1000)] = 5

    @field_validator("metrics_address")
    @classmethod
    def _check_metrics_address(cls, address: str | None) -> str | None:
        if address is not None and _host_and_port(address) is None:
            raise ValueError("it is not an address and a port such as 127.0.0.1:9464 or [::1]:9464")
        return address

    @field_validator("otlp_endpoint")
    @classmethod
    def _check_otlp_endpoint(cls, url: str | None) -> str | None:
        if url is None:
            return None
        if read_address(url) is None:
            raise ValueError(f"{without_secrets(url)} is not an http or https address such as http://127.0.0.1:4318")
        try:
            import opentelemetry.exporter.otlp.proto.http.trace_exporter
            import opentelemetry.sdk.trace.export  # noqa: F401
        except ImportError:
            raise ValueError("traces need more packages: pip install 'foot-drop-cds[otel]'") from None
        return url

    @field_validator("report_token")
    @classmethod
    def _check_report_token(cls, token: SecretStr | None) -> SecretStr | None:
        if token is None:
            return None
        value = token.get_secret_value()
        if len(value) < FEWEST or not (value.isascii() and value.isprintable()) or " " in value:
            raise ValueError(
                f"it must be {FEWEST} or more ASCII characters without blanks: openssl rand -hex 32 writes one"
            )
        if find_spec("matplotlib") is None:
            raise ValueError("the page of the report needs more packages: pip install 'foot-drop-cds[reports]'")
        return token

    @property
    def metrics_at(self) -> tuple[str, int] | None:
        """The host and port at which metrics are served."""
        return _host_and_port(self.metrics_address) if self.metrics_address else None


def _host_and_port(address: str) -> tuple[str, int] | None:
    host, _, port = address.rpartition(":")
    is_one = host.startswith("[") == host.endswith("]") == (":" in host)
    if not host or not is_one or not port.isascii() or not port.isdecimal() or int(port) > 65_535:
        return None
    return host.strip("[]"), int(port)
