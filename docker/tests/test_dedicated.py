"""The scripts for hosts of their own, on this host: each container in the host's network, at an advertised address."""

import os

import pytest

from cluster import DOCKER, free_port
from engine import IMAGE, docker, run

SCRIPTS = DOCKER / "dedicated"


@pytest.fixture
def host(containers, tmp_path):
    """Settings under which master, workers and clients of the scripts run beside any others of this machine."""
    name = f"springald-test-{os.getpid()}-host"
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    workspace.chmod(0o777)
    yield {
        "PATH": os.environ["PATH"],
        "SPRINGALD_NAME": name,
        "SPRINGALD_IMAGE": IMAGE,
        "SPRINGALD_WORKSPACE": str(workspace),
        "SPRINGALD_CONFIG": str(tmp_path / "config"),
        "SPRINGALD_USER": "1000:1000" if os.getuid() == 0 else f"{os.getuid()}:{os.getgid()}",
        "MASTER_PORT": str(free_port()),
        "UI_PORT": str(free_port()),
        "WORKER_MEMORY": "512m",
        "WORKER_CORES": "1",
    }
    for role in ("master", "one", "two"):
        docker("rm", "-f", f"{name}-{role}")
    # What the containers wrote is not the test's to remove.
    docker("run", "--rm", "--user", "0:0", "-v", f"{tmp_path}:/mine", "--entrypoint", "sh", IMAGE, "-c", "rm -rf /mine/*")


def test_master_two_workers_and_a_client(host, report):
    started = run("sh", str(SCRIPTS / "master.sh"), env=host).ok()
    url = next(word for word in started.out.split() if word.startswith("springald://")).rstrip(".")
    for name in ("one", "two"):
        ports = {"WORKER_PORT": str(free_port()), "WORKER_GRPC_PORT": str(free_port())}
        settings = host | ports | {"WORKER_NAME": f"{host['SPRINGALD_NAME']}-{name}"}
        run("sh", str(SCRIPTS / "worker.sh"), url, env=settings).ok()
    sql = "SELECT count(*) AS n FROM '/opt/workspace/datain/tpch/lineitem'"
    client = ("sh", str(SCRIPTS / "client.sh"), url, "springald")
    done = run(*client, "sql", "--format", "csv", "-e", sql, env=host).ok()
    assert done.out.split() == ["n", "60175"]
    listed = run(*client, "workers", "--format", "csv", env=host).ok().out
    assert listed.count(",active,") == 2, listed
    report(f"a master and two workers at {url}: a client counted 60175 rows")


def test_a_worker_without_a_token_or_with_no_master_says_so(host):
    script = str(SCRIPTS / "worker.sh")
    run("sh", script, "springald://127.0.0.1:7077", env=host).refused("set SPRINGALD_TOKEN")
    run("sh", script, env=host).refused("springald://HOST:7077")
