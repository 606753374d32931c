"""The Kubernetes manifests follow the API's schema; what they name exists, fits together and can change nothing."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from service.command.cli import main
from service.settings import FILE_VARIABLE, PREFIX, load
from tests.support.places import ROOT

FOLDER = ROOT / "deploy"
VERSIONS = ("1.29", "1.37")  # of Kubernetes: the oldest and the newest versions whose schemas are used
Json = dict[str, Any]


def read(path: Path) -> Json:
    """A YAML file with one document."""
    document: Json = YAML(typ="safe").load(path)
    return document


KUSTOMIZE = (FOLDER / "kustomization.yml").read_text(encoding="utf-8")
KUSTOMIZATION = read(FOLDER / "kustomization.yml")
MANIFESTS = {manifest["kind"]: manifest for manifest in (read(FOLDER / path) for path in KUSTOMIZATION["resources"])}
DEPLOYMENT = MANIFESTS["Deployment"]["spec"]
POD: Json = DEPLOYMENT["template"]["spec"]
LABELS = DEPLOYMENT["template"]["metadata"]["labels"]
CONTAINERS: dict[str, Json] = {container["name"]: container for container in POD["containers"]}
SERVICE, PROXY = CONTAINERS["service"], CONTAINERS["proxy"]
PORTS = {port["name"]: port["containerPort"] for container in POD["containers"] for port in container["ports"]}
CONFIG_MAPS = KUSTOMIZATION["configMapGenerator"]
GENERATED = {one["name"]: [Path(file).name for file in one["files"]] for one in CONFIG_MAPS}
ENVIRONMENT: dict[str, str] = {variable["name"]: variable["value"] for variable in SERVICE["env"]}


def test_every_manifest_is_applied() -> None:
    there = {str(path.relative_to(FOLDER)) for path in (FOLDER / "kubernetes").glob("*.yml")}
    assert there == set(KUSTOMIZATION["resources"])
    assert MANIFESTS.keys() == {"Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", MANIFESTS)
def test_the_schema_of_kubernetes_accepts_it(kind: str, version: str) -> None:
    assert kubernetes_validate.validate(MANIFESTS[kind], version, strict=True) == version


def test_the_schema_sees_a_word_that_is_none() -> None:
    wrong = read(FOLDER / "kubernetes" / "disruption.yml")
    wrong["spec"]["minAvailble"] = wrong["spec"].pop("minAvailable")
    with pytest.raises(kubernetes_validate.ValidationError, match="minAvailble"):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


def test_one_of_two_pods_goes_on_answering() -> None:
    assert DEPLOYMENT["replicas"] == 2
    assert DEPLOYMENT["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert MANIFESTS["PodDisruptionBudget"]["spec"]["minAvailable"] == 1


def test_all_of_them_mean_the_same_pods() -> None:
    assert DEPLOYMENT["selector"]["matchLabels"] == LABELS
    assert MANIFESTS["Service"]["spec"]["selector"] == LABELS
    assert MANIFESTS["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == LABELS
    assert MANIFESTS["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == LABELS
    (spread,) = POD["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"] == LABELS


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_is_nobody_and_can_change_nothing(name: str) -> None:
    guarded = CONTAINERS[name]["securityContext"]
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert POD["automountServiceAccountToken"] is False
    assert guarded["readOnlyRootFilesystem"] is True
    assert guarded["allowPrivilegeEscalation"] is False
    assert guarded["capabilities"] == {"drop": ["ALL"]}
    assert guarded["runAsUser"] > 0
    assert {"requests", "limits"} <= CONTAINERS[name]["resources"].keys()
    assert "/tmp" in {mount["mountPath"] for mount in CONTAINERS[name]["volumeMounts"]}


def test_the_service_runs_as_the_user_of_its_image() -> None:
    guarded = SERVICE["securityContext"]
    assert f"USER {guarded['runAsUser']}:{guarded['runAsGroup']}\n" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_images_are_of_a_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert SERVICE["image"] == f"foot-drop-cds:{project['version']}"
    assert PROXY["image"] == read(ROOT / "docker-compose.yml")["services"]["proxy"]["image"]


def test_the_command_line_accepts_the_words() -> None:
    verb, *words = SERVICE["args"]
    parsed = main.commands[verb].make_context(verb, list(words)).params
    assert (parsed["dev"], parsed["host"], parsed["port"]) == (False, "0.0.0.0", PORTS["http"])


def test_the_settings_are_accepted() -> None:
    (mounted,) = (mount for mount in SERVICE["volumeMounts"] if mount["name"] == "settings")
    folder, file = ENVIRONMENT[FILE_VARIABLE].rsplit("/", 1)
    assert mounted["mountPath"] == folder
    assert [file] == GENERATED["foot-drop-cds-settings"]
    (secrets,) = re.findall(r"create secret generic (\S+) --from-env-file", KUSTOMIZE)
    assert SERVICE["envFrom"] == [{"secretRef": {"name": secrets}}]
    secret = dict(re.findall(r'echo "(\w+)=(.+)" >', KUSTOMIZE.replace("$(openssl rand -hex 32)", "0" * 64)))
    settings = load(FOLDER / "kubernetes" / file, {**ENVIRONMENT, **secret})
    assert settings.clients
    assert settings.store_address
    assert settings.hash_key
    assert settings.drain_s == 5
    kept = str(settings.data_dir)
    assert any(
        kept.startswith(f"{mount['mountPath']}/") and not mount.get("readOnly") for mount in SERVICE["volumeMounts"]
    )


def test_the_pod_ends_when_its_requests_have_ended() -> None:
    drain = float(ENVIRONMENT[f"{PREFIX}DRAIN_S"])
    settings = load(environment={})
    longest = drain + settings.longest_deadline + settings.evaluation_limit_s
    assert drain == 5
    assert POD["terminationGracePeriodSeconds"] > longest + 5
    verb, seconds = PROXY["lifecycle"]["preStop"]["exec"]["command"]
    assert verb == "sleep"
    assert drain < float(seconds) < POD["terminationGracePeriodSeconds"]
    readiness = SERVICE["readinessProbe"]
    assert readiness["periodSeconds"] * readiness["failureThreshold"] < drain, "whoever asks has learned that it ends"


def test_the_probes_ask_for_health_where_the_service_listens() -> None:
    asked = {probe: SERVICE[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {probe: get["path"] for probe, get in asked.items()} == {
        "startupProbe": "/health/live",
        "livenessProbe": "/health/live",
        "readinessProbe": "/health/ready",
    }
    assert {get["port"] for get in asked.values()} == {"http"}
    assert ENVIRONMENT[f"{PREFIX}METRICS_ADDRESS"] == f"0.0.0.0:{PORTS['metrics']}"


def test_the_proxy_listens_where_it_is_sent_to_and_asks_the_service() -> None:
    listening = re.search(r"listen (\d+) ssl;", (FOLDER / "nginx" / "tls.conf").read_text(encoding="utf-8"))
    assert listening
    assert int(listening[1]) == PORTS["https"]
    assert f"server 127.0.0.1:{PORTS['http']} " in (FOLDER / "nginx.conf").read_text(encoding="utf-8")
    (port,) = MANIFESTS["Service"]["spec"]["ports"]
    assert port["targetPort"] == "https"


def test_nobody_reaches_the_service_past_its_proxy() -> None:
    policy = MANIFESTS["NetworkPolicy"]["spec"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    let_in = [port["port"] for rule in policy["ingress"] for port in rule["ports"]]
    assert sorted(let_in) == ["https", "metrics"]
    assert "from" in next(rule for rule in policy["ingress"] if rule["ports"] == [{"port": "metrics"}])
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {53, 443, 5432}


def test_what_is_mounted_is_there() -> None:
    volumes = {volume["name"]: volume for volume in POD["volumes"]}
    mounts = [mount for container in POD["containers"] for mount in container["volumeMounts"]]
    assert volumes.keys() == {mount["name"] for mount in mounts}
    assert {volume["configMap"]["name"] for volume in volumes.values() if "configMap" in volume} == GENERATED.keys()
    for mount in mounts:
        if "subPath" in mount:
            assert mount["subPath"] in GENERATED[volumes[mount["name"]]["configMap"]["name"]]
            assert mount["mountPath"].endswith(f"/{mount['subPath']}")
    (tls,) = (mount["mountPath"] for mount in mounts if mount["name"] == "tls")
    assert f"{tls}/tls.key;" in (FOLDER / "nginx" / "tls.conf").read_text(encoding="utf-8")
    assert all((FOLDER / file).is_file() for one in CONFIG_MAPS for file in one["files"])


def test_the_proxy_has_the_memory_for_what_it_lets_in() -> None:
    (room,) = (volume["emptyDir"]["sizeLimit"] for volume in POD["volumes"] if volume["name"] == "proxy-tmp")
    compose = read(ROOT / "docker-compose.yml")["services"]["proxy"]["tmpfs"]
    assert any(f"size={room.removesuffix('Mi')}m" in mount for mount in compose)
    assert int(PROXY["resources"]["limits"]["memory"].removesuffix("Mi")) > int(room.removesuffix("Mi"))
