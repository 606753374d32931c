"""docker-compose.yml is a Compose file; everything that it names exists, fits together and stays on this machine."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from service.command.cli import main
from service.settings import load
from tests.support.places import ROOT

FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = YAML(typ="safe").load(FILE)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
NGINX = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
PLAIN = (ROOT / "deploy" / "nginx" / "plain.conf").read_text(encoding="utf-8")

VERSION = re.compile(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-[\w.]+)?")
FROM_ENVIRONMENT = re.compile(r"\$\{[A-Z_]+:\?[^}]+\}")


def check(file: Path) -> subprocess.CompletedProcess[str]:
    """The verdict of the schema of the Compose specification on a file."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def each(*keys: str) -> list[str]:
    """The services that have all of these keys."""
    return [name for name, service in SERVICES.items() if set(keys) <= set(service)]


def port(text: str, pattern: str) -> int:
    """The port that a pattern finds."""
    found = re.search(pattern, text)
    assert found, pattern
    return int(found[1])


def listening() -> dict[str, int]:
    """The addresses at which the services that share one network namespace listen."""
    words = SERVICES["service"]["command"]
    return {
        "proxy": port(PLAIN, r"listen (\d+);"),
        "service": int(words[words.index("--port") + 1]),
        "fhir": int(SERVICES["fhir"]["environment"]["server.port"]),
    }


def test_the_schema_of_the_compose_specification_accepts_it() -> None:
    done = check(FILE)
    assert done.returncode == 0, done.stdout


def test_the_schema_sees_what_is_wrong(tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(FILE.read_text().replace("healthcheck:", "health-check:", 1))
    assert check(wrong).returncode == 1


@pytest.mark.parametrize("name", each())
def test_an_image_is_built_here_or_pinned_to_a_version(name: str) -> None:
    service = SERVICES[name]
    if "build" in service:
        assert "image" not in service  # it would be looked for in a registry first
        assert (ROOT / service["build"] / "Dockerfile").is_file()
    else:
        assert VERSION.fullmatch(service["image"])


def test_hapi_is_of_the_version_that_the_tests_run_against() -> None:
    pom = (ROOT / "tests" / "hapi" / "pom.xml").read_text(encoding="utf-8")
    version = re.search(r"<hapi\.version>([\d.]+)</hapi\.version>", pom)
    assert version
    assert re.fullmatch(rf"hapiproject/hapi:v{re.escape(version[1])}-\d+", SERVICES["fhir"]["image"])


def test_nothing_is_published_beyond_this_machine() -> None:
    published = [mapping for name in each("ports") for mapping in SERVICES[name]["ports"]]
    assert published
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", mapping) for mapping in published)
    outside = [mapping.split(":")[1] for mapping in published]
    assert len(set(outside)) == len(outside)
    assert not set(each("ports")) & {"database", "store"}


def test_behind_every_published_port_somebody_listens() -> None:
    inside = {int(mapping.split(":")[2]) for mapping in SERVICES["proxy"]["ports"]}
    assert inside == {listening()["proxy"], listening()["fhir"]}


def test_the_fhir_server_has_one_address_inside_and_outside() -> None:
    number = listening()["fhir"]
    assert f"127.0.0.1:{number}:{number}" in SERVICES["proxy"]["ports"]
    assert SERVICES["loader"]["command"][1] == f"http://127.0.0.1:{number}/fhir"


def test_who_shares_a_network_namespace_has_a_port_of_its_own() -> None:
    assert len(set(listening().values())) == 3
    shared = {name: SERVICES[name]["network_mode"] for name in each("network_mode")}
    assert shared == dict.fromkeys(["service", "fhir", "loader"], "service:proxy")
    assert not set(each("ports", "network_mode"))


def test_the_proxy_asks_where_the_service_listens() -> None:
    assert port(NGINX, r"server 127\.0\.0\.1:(\d+)") == listening()["service"]
    assert f"http://127.0.0.1:{listening()['proxy']}/cds-services" in SERVICES["proxy"]["healthcheck"]["test"]


def test_the_image_is_asked_for_its_health_where_the_service_listens() -> None:
    assert f"'127.0.0.1', {listening()['service']}," in (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", each("build"))
def test_the_command_line_accepts_the_commands(name: str) -> None:
    verb, *words = SERVICES[name]["command"]
    parsed = main.commands[verb].make_context(verb, list(words)).params
    assert parsed.get("host", "127.0.0.1") == "127.0.0.1"


def test_every_path_and_volume_exists() -> None:
    used = set()
    for name in each("volumes"):
        for source, target, *_ in (mount.split(":") for mount in SERVICES[name]["volumes"]):
            assert target.startswith("/")
            if source.startswith("."):
                assert (ROOT / source).is_file()
            else:
                used.add(source)
    assert used == set(COMPOSE["volumes"])


@pytest.mark.parametrize("name", ["fhir", "database", "store"])
def test_a_secret_comes_from_the_environment_or_compose_says_what_to_write(name: str) -> None:
    secrets = {key: value for key, value in SERVICES[name]["environment"].items() if "password" in key.lower()}
    assert secrets
    assert all(FROM_ENVIRONMENT.fullmatch(value) for value in secrets.values())


def test_the_settings_in_the_environment_are_accepted() -> None:
    given = dict(SERVICES["service"]["environment"])
    assert given.pop("FOOT_DROP_CDS_ALLOW_ORIGINS") == "${ALLOW_ORIGINS:-}"
    given["FOOT_DROP_CDS_STORE_URL"] = FROM_ENVIRONMENT.sub("secret", given["FOOT_DROP_CDS_STORE_URL"])
    settings = load(environment={**given, "FOOT_DROP_CDS_ALLOW_ORIGINS": ""}, dev=True)
    assert settings.allow_origins == ()
    assert settings.has_store
    assert any(mount.split(":")[1] == str(settings.data_dir) for mount in SERVICES["service"]["volumes"])


def test_the_service_remembers_in_a_postgresql_of_its_own_for_which_it_waits() -> None:
    given = SERVICES["service"]["environment"]["FOOT_DROP_CDS_STORE_URL"]
    (secret,) = FROM_ENVIRONMENT.findall(given)
    store = SERVICES["store"]
    made = {name.removeprefix("POSTGRES_").lower(): value for name, value in store["environment"].items()}
    assert secret == made["password"], "no password stands in the file"
    assert given == f"postgresql://{made['user']}:{secret}@store/{made['db']}"
    assert store["image"].startswith("postgres:")
    assert store["volumes"] == ["store-data:/var/lib/postgresql/data"]
    assert store["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]
    assert SERVICES["service"]["depends_on"] == {"store": {"condition": "service_healthy"}}


def test_the_file_of_secrets_is_kept_out_of_git_and_of_the_image() -> None:
    assert "/.env" in (ROOT / ".gitignore").read_text().splitlines()
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"
    assert "!.env" not in (ROOT / ".dockerignore").read_text()


@pytest.mark.parametrize("name", each("depends_on"))
def test_whoever_is_waited_for_exists_and_can_say_that_it_is_healthy(name: str) -> None:
    needed = SERVICES[name]["depends_on"]
    assert set(needed) <= set(SERVICES)
    for other, how in needed.items() if isinstance(needed, dict) else ():
        assert how["condition"] != "service_healthy" or "test" in SERVICES[other]["healthcheck"]


@pytest.mark.parametrize("name", ["proxy", "service", "loader"])
def test_what_meets_the_outside_can_change_nothing(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert any(mount.startswith("/tmp") for mount in service["tmpfs"])


def test_the_proxy_writes_below_tmp_only() -> None:
    written = re.findall(r"(?:pid|\w+_temp_path) (\S+);", NGINX)
    assert len(written) == 6
    assert all(path.startswith("/tmp/") for path in written)
    assert re.findall(r"(?:access|error)_log (\S+)", NGINX) == ["stderr", "/dev/stdout"]


def test_the_loader_ends() -> None:
    assert SERVICES["loader"]["restart"] == "no"
    assert SERVICES["loader"]["healthcheck"] == {"disable": True}
