"""The files themselves, by simple rules; needs no engine."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from cluster import DOCKER

COMPOSE = yaml.safe_load((DOCKER / "compose.yml").read_text())
STACK = yaml.safe_load((DOCKER / "stack.yml").read_text())
MANIFESTS = [
    manifest
    for file in sorted((DOCKER / "kubernetes").glob("*.yaml"))
    for manifest in yaml.safe_load_all(file.read_text())
]
PODS = [manifest["spec"]["template"] for manifest in MANIFESTS if "template" in manifest.get("spec", {})]
CONTAINERS = [
    container
    for pod in PODS
    for container in pod["spec"].get("initContainers", []) + pod["spec"]["containers"]
]


def test_compose_publishes_the_ports_of_pages_and_clients_on_loopback():
    published = {name: service.get("ports", []) for name, service in COMPOSE["services"].items()}
    watching = {name for name, service in COMPOSE["services"].items() if service.get("profiles") == ["monitoring"]}
    assert watching == {"prometheus", "grafana"}
    assert {name for name, ports in published.items() if ports} - watching == {"master", "history", "jupyter"}
    assert all(port.startswith("${PUBLISH:-127.0.0.1}:") for name in watching for port in published[name])
    ports = published["master"] + published["history"] + published["jupyter"]
    assert [port.rsplit(":", 1)[1] for port in ports] == ["7077", "8080", "18080", "8888"]
    assert all(port.startswith("${PUBLISH:-127.0.0.1}:") for port in ports)


def test_every_service_sees_the_workspace_at_the_same_path():
    for file in (COMPOSE, STACK):
        for name, service in file["services"].items():
            if name != "grafana":
                volumes = {volume.removesuffix(":ro") for volume in service["volumes"]}
                assert "workspace:/opt/workspace" in volumes, name
    for container in CONTAINERS:
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert mounts["workspace"] == "/opt/workspace", container["name"]


def test_workers_can_be_any_number():
    for file in (COMPOSE, STACK):
        worker = file["services"]["worker"]
        assert "container_name" not in worker and "ports" not in worker
    assert COMPOSE["services"]["worker"]["mem_limit"] == COMPOSE["services"]["worker"]["environment"]["WORKER_MEMORY"]


def test_every_setting_of_compose_is_documented():
    used = set(re.findall(r"\$\{([A-Z_]+)", (DOCKER / "compose.yml").read_text()))
    documented = set(re.findall(r"^#?([A-Z_]+)=", (DOCKER / ".env.example").read_text(), re.MULTILINE))
    assert used - documented == {"SPRINGALD_IMAGE", "JUPYTER_IMAGE"}


def test_nothing_runs_as_root_but_the_first_start():
    dockerfile = (DOCKER / "Dockerfile").read_text()
    assert dockerfile.count("\nUSER 1000:1000\n") == 2
    for file in (COMPOSE, STACK):
        root = [name for name, service in file["services"].items() if service.get("user", "").startswith("0")]
        assert root == ["first-start"]
    for pod in PODS:
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True


def test_manifests_fit_together():
    kinds = [manifest["kind"] for manifest in MANIFESTS]
    assert {"Deployment", "StatefulSet", "Service", "PersistentVolumeClaim", "HorizontalPodAutoscaler"} <= set(kinds)
    labels = [pod["metadata"]["labels"] for pod in PODS]
    for manifest in MANIFESTS:
        spec = manifest.get("spec", {})
        if manifest["kind"] == "Service":
            assert any(spec["selector"].items() <= pod.items() for pod in labels), manifest["metadata"]["name"]
        if "template" in spec:
            assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
    named = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in MANIFESTS if "metadata" in manifest}
    scaled = next(manifest for manifest in MANIFESTS if manifest["kind"] == "HorizontalPodAutoscaler")
    assert (scaled["spec"]["scaleTargetRef"]["kind"], scaled["spec"]["scaleTargetRef"]["name"]) in named
    # Kubernetes makes variables of services, and ours begin alike.
    assert all(pod["spec"]["enableServiceLinks"] is False for pod in PODS)
    for pod in PODS:
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        for container in pod["spec"]["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes


def test_monitoring_asks_for_what_there_is():
    dashboard = json.loads((DOCKER / "monitoring/grafana/dashboards/springald.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    rules = yaml.safe_load((DOCKER / "monitoring/prometheus-adapter.yaml").read_text())["rules"]["external"]
    asked += [rule["metricsQuery"] for rule in rules]
    documented = set(re.findall(r"`(springald_\w+)", (DOCKER.parent / "docs/monitoring.md").read_text()))
    for expr in asked:
        for name in re.findall(r"springald_\w+", expr):
            assert re.sub(r"_(bucket|count|sum)$", "", name) in documented, name
    assert rules[0]["name"]["as"] in (DOCKER / "kubernetes/scale.yaml").read_text()
    scrape = yaml.safe_load((DOCKER / "monitoring/prometheus.yml").read_text())["scrape_configs"][0]
    assert scrape["static_configs"][0]["targets"] == ["master:8080"]
    mounted = COMPOSE["services"]["prometheus"]["volumes"] + COMPOSE["services"]["grafana"]["volumes"]
    for file in (volume.split(":")[0] for volume in mounted if volume.startswith("./")):
        assert (DOCKER / file).exists(), file


def test_images_carry_nothing_that_only_one_processor_runs():
    for file in [DOCKER / "Dockerfile", *(DOCKER / "build").glob("*.sh")]:
        assert not re.search(r"x86_64|amd64|aarch64|--mount=|--platform", _code(file)), file.name


def test_requirements_are_pinned():
    lines = (DOCKER / "jupyter" / "requirements.txt").read_text().splitlines()
    packages = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[^ ]+", line) for line in packages)
    names = {line.split("==")[0] for line in packages}
    expected = "jupyterlab numpy pandas polars pyarrow matplotlib seaborn scikit-learn statsmodels"
    assert set(expected.split()) <= names


@pytest.mark.parametrize("script", sorted(DOCKER.rglob("*.sh")), ids=lambda path: path.name)
def test_scripts_parse(script: Path):
    subprocess.run(["sh", "-n", str(script)], check=True)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
@pytest.mark.parametrize("unit", ["master", "worker"])
def test_units_are_valid(unit: str, tmp_path: Path):
    # The check wants every program and unit to be there.
    file = tmp_path / f"springald-{unit}.service"
    text = (DOCKER / "dedicated" / file.name).read_text().replace("/usr/bin/docker", "/bin/true")
    file.write_text(text.replace("Requires=docker.service\n", ""))
    done = subprocess.run(["systemd-analyze", "verify", str(file)], capture_output=True, text=True, check=False)
    assert file.name not in done.stderr, done.stderr


def _code(file: Path) -> str:
    return "\n".join(line for line in file.read_text().splitlines() if not line.startswith("#"))
