"""Settings: file, environment and command line together, and what is refused at start."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from service.settings import RefusedSettingsError, Settings, load, refuse_unsafe
from tests.support.signing import registered


def write(folder: Path, text: str, name: str = "site.toml") -> Path:
    """A settings file."""
    file = folder / name
    file.write_text(text)
    return file


def test_defaults() -> None:
    settings = load(environment={})
    assert settings.zone is UTC
    assert settings.deadline == 0.45
    assert load(environment={}, dev=True).deadline == 5
    assert settings.allow_origins == ()


def test_the_environment_beats_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, 'time_zone = "Europe/Zurich"\ndeadline_ms = 300\n')
    assert load(file, {}).zone == ZoneInfo("Europe/Zurich")
    settings = load(file, {"FOOT_DROP_CDS_TIME_ZONE": "UTC"})
    assert settings.zone is UTC
    assert settings.deadline == 0.3


def test_the_file_is_named_by_the_option_then_the_environment_then_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "deadline_ms = 1", "foot-drop-cds.toml")
    named = {"FOOT_DROP_CDS_SETTINGS": str(write(tmp_path, "deadline_ms = 2", "two.toml"))}
    three = write(tmp_path, "deadline_ms = 3", "three.toml")
    assert load(None, {}).deadline_ms == 1
    assert load(None, named).deadline_ms == 2
    assert load(three, named).deadline_ms == 3


def test_lists_in_the_environment_stand_with_commas_or_as_json() -> None:
    for text in ("https://a.example, https://b.example", '["https://a.example", "https://b.example"]'):
        settings = load(None, {"FOOT_DROP_CDS_ALLOW_ORIGINS": text})
        assert settings.allow_origins == ("https://a.example", "https://b.example")


def test_the_command_line_adds_to_the_lists(tmp_path: Path) -> None:
    file = write(tmp_path, 'allow_origins = ["https://a.example"]')
    settings = load(file, {}, more_origins=("https://B.example/",), more_fhir_servers=("https://f.example/r4",))
    assert settings.allow_origins == ("https://a.example", "https://b.example")
    assert settings.allow_fhir_servers == ("https://f.example/r4",)


def test_a_password_of_the_proxy_is_not_printed(tmp_path: Path) -> None:
    settings = load(write(tmp_path, 'proxy = "http://user:secret-value@proxy.example:3128"'), {}, dev=True)
    assert settings.proxy is not None
    assert settings.proxy.get_secret_value() == "http://user:secret-value@proxy.example:3128"
    assert "secret-value" not in f"{settings} {settings!r}"


def test_what_the_service_is_called() -> None:
    loopback = {"localhost", "127.0.0.1", "[::1]"}
    assert Settings().names == set()
    assert Settings(dev=True).names == loopback
    named = Settings(public_url="https://CDS.example:8443/base/", hosts=("cds", "10.0.0.7"))
    assert named.names == {"cds.example", "cds", "10.0.0.7"}
    assert named.model_copy(update={"dev": True}).names == named.names | loopback


def test_a_site_adds_codes(tmp_path: Path) -> None:
    file = write(tmp_path, '[codes."order.mri-lumbar"]\n"https://site.example/orders" = ["MR-L"]\n')
    assert load(file, {}).codes == {"order.mri-lumbar": {"https://site.example/orders": ["MR-L"]}}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("deadlin_ms = 3", "deadlin_ms"),
        ('[codes."order.mri-lumber"]\n"s" = ["c"]', "order.mri-lumber"),
        ("deadline_ms = 0", "deadline_ms"),
        ('deadline_ms = "soon"', "deadline_ms"),
        ('time_zone = "Mars/Olympus"', "time_zone"),
        ('time_zone = "../../etc/passwd"', "time_zone"),
        ('allow_origins = ["*"]', "allow_origins"),
        ('allow_origins = ["null"]', "allow_origins"),
        ('allow_origins = ["https://ehr.example/app"]', "allow_origins"),
        ('allow_fhir_servers = ["file:///etc"]', "allow_fhir_servers"),
        ('allow_fhir_servers = ["https://user@fhir.example"]', "allow_fhir_servers"),
        ('public_url = "cds.example"', "public_url"),
        ('public_url = "https://user:secret-value@cds.example"', "public_url"),
        ('hosts = ["https://cds.example"]', "hosts"),
        ('hosts = ["cds.example:8443"]', "hosts"),
        ('hosts = ["*.example"]', "hosts"),
        ('hosts = [""]', "hosts"),
        ('ca_file = "none.pem"', "ca_file"),
        ('proxy = "proxy.example:3128"', "proxy"),
        ('proxy = "socks5://proxy.example"', "proxy"),
        ('proxy = "http://user:secret-value@proxy.example/path"', "proxy"),
        ("dev = true", "dev"),
        ('[clients."https://ehr.example"]\n"anything" = 1', "clients"),
        ('store_url = "mysql://user:secret-value@db.example/cds"', "store_url"),
        ("replay_grace_s = -1", "replay_grace_s"),
        ("authenticate_discovery = 3", "authenticate_discovery"),
        ("not toml", "site.toml"),
    ],
)
def test_what_is_wrong_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(RefusedSettingsError, match=named.replace(".", r"\.")) as refused:
        load(write(tmp_path, text), {})
    assert "secret-value" not in str(refused.value)


def test_a_refusal_says_where_the_setting_stands(tmp_path: Path) -> None:
    file = write(tmp_path, "deadline_ms = 0")
    with pytest.raises(RefusedSettingsError) as refused:
        load(file, {"FOOT_DROP_CDS_MAX_RECORDS": "0"})
    in_file, in_environment = str(refused.value).split("; ")
    assert in_file.startswith(f"{file}: deadline_ms: ")
    assert in_environment.startswith("max_records: ")


def test_codes_in_the_environment_stand_as_json() -> None:
    own = {"order.mri-lumbar": {"https://site.example/orders": ["MR-L"]}}
    assert load(None, {"FOOT_DROP_CDS_CODES": json.dumps(own)}).codes == own
    with pytest.raises(RefusedSettingsError, match="FOOT_DROP_CDS_CODES") as refused:
        load(None, {"FOOT_DROP_CDS_CODES": "{secret-value"})
    assert "secret-value" not in str(refused.value)


def test_names_in_the_environment_are_read_in_any_case_and_empty_values_are_refused() -> None:
    assert load(None, {"foot_drop_cds_deadline_ms": "300"}).deadline == 0.3
    with pytest.raises(RefusedSettingsError, match="deadline_ms"):
        load(None, {"FOOT_DROP_CDS_DEADLINE_MS": ""})


def test_an_unknown_variable_is_refused_by_name() -> None:
    with pytest.raises(RefusedSettingsError, match="FOOT_DROP_CDS_DEADLINE"):
        load(None, {"FOOT_DROP_CDS_DEADLINE": "1"})
    with pytest.raises(RefusedSettingsError, match="dev"):
        load(None, {"FOOT_DROP_CDS_DEV": "1"})


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedSettingsError, match=r"none\.toml"):
        load(None, {"FOOT_DROP_CDS_SETTINGS": str(tmp_path / "none.toml")})


def test_a_refusal_does_not_repeat_the_value(tmp_path: Path) -> None:
    with pytest.raises(RefusedSettingsError) as refused:
        load(write(tmp_path, 'deadline_ms = "secret-value"'), {})
    assert "secret-value" not in str(refused.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "ehr.example", ""])
def test_development_serves_loopback_only(host: str) -> None:
    with pytest.raises(RefusedSettingsError, match="loopback"):
        refuse_unsafe(Settings(dev=True), host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_development_on_loopback_is_served(host: str) -> None:
    refuse_unsafe(Settings(dev=True), host)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_without_clients_only_development_is_served(host: str) -> None:
    with pytest.raises(RefusedSettingsError, match=r"no client is registered.*clients add.*--dev"):
        refuse_unsafe(Settings(), host)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_with_clients_and_a_store_every_host_is_served(tmp_path: Path, host: str) -> None:
    settings = load(registered(tmp_path), {})
    refuse_unsafe(settings, host)
    with pytest.raises(RefusedSettingsError, match=r"no store.*data_dir.*store_url"):
        refuse_unsafe(settings.model_copy(update={"data_dir": None}), host)
