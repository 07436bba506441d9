"""Faults of containers and their network under load: right answers or clear errors, and a whole cluster afterwards."""

import time

from cluster import QUERY, Load
from engine import docker, within


def test_worker_is_killed(cluster, report):
    with Load(cluster) as load:
        docker("kill", cluster.container("worker")).ok()
    load.right_but_for_lost_results()
    begin = time.monotonic()
    docker("start", cluster.container("worker")).ok()
    cluster.wait_for_workers(2)
    report(f"{load}; started again, it joined in {time.monotonic() - begin:.1f} s")


def test_worker_is_paused_for_30_seconds(cluster, report):
    worker = cluster.container("worker")
    with Load(cluster) as load:
        docker("pause", worker).ok()
        time.sleep(30)
        docker("unpause", worker).ok()
        begin = time.monotonic()
        cluster.wait_for_workers(2)
        back = time.monotonic() - begin
    report(f"{load}; back {back:.1f} s after it went on")
    load.right_but_for_lost_results()
    assert load.stream.longest < 35, "a query waited for the paused worker"


def test_worker_loses_its_network(cluster, report):
    worker = cluster.container("worker")
    with Load(cluster) as load:
        docker("network", "disconnect", cluster.network, worker).ok()
        time.sleep(15)
        docker("network", "connect", cluster.network, worker).ok()
        begin = time.monotonic()
        cluster.wait_for_workers(2)
        back = time.monotonic() - begin
        time.sleep(3)
    report(f"{load}; back {back:.1f} s after its network")
    load.right_but_for_lost_results()


def test_master_is_killed_and_started_again(cluster, report):
    right = cluster.sql(QUERY).ok().out
    cluster.sql("CREATE TABLE kept AS SELECT * FROM '/opt/workspace/datain/tpch/nation'").ok()
    master = cluster.container("master")
    with Load(cluster) as load:
        docker("kill", master).ok()
        time.sleep(3)
        docker("start", master).ok()
        begin = time.monotonic()
        cluster.wait_for_workers(2)
        back = time.monotonic() - begin
        again = within(30, "a right answer", lambda: cluster.sql(QUERY).out)
    assert again == right
    # What was under way fails, and says why; nothing waits for a master that forgot it.
    errors = sorted({done.refused("master").error()[:150] for done in [*load.stream.failed, load.job]})
    assert load.stream.longest < 60 and load.job.seconds < 60
    assert cluster.sql("SELECT count(*) AS n FROM kept").ok().out.split()[-1] == "25"
    cluster.sql("DROP TABLE kept").ok()
    report(f"{load}; both workers back after {back:.1f} s; {errors}")


def test_worker_of_another_version_is_refused(cluster, report, tmp_path):
    binary = tmp_path / "springald"
    docker("cp", f"{cluster.client()}:/usr/bin/springald", str(binary)).ok()
    version = cluster.springald("--version").ok().out.split()[-1]
    other = "0.0.9"
    assert len(other) == len(version)
    # The same program under another version: it travels as the product token of the user agent.
    binary.write_bytes(binary.read_bytes().replace(version.encode(), other.encode()))
    begin = time.monotonic()
    mounts = ("-v", f"{binary}:/usr/bin/springald:ro", "--volumes-from", cluster.client())
    name = f"{cluster.project}-other"
    try:
        done = docker(
            "run", "--name", name, "--network", cluster.network, *mounts,
            "-e", "SPRINGALD_TOKEN_FILE=/run/springald/token", cluster.inspect(cluster.client(), "{{.Config.Image}}"),
            "worker", "--master", "springald://master:7077",
            seconds=30,
        )  # fmt: skip
    finally:
        docker("rm", "-f", name)
    report(f"refused after {time.monotonic() - begin:.1f} s: {done.error()}")
    done.refused(version, other, "install the same version")
    assert len(cluster.workers()) == 2
    cluster.sql(QUERY).ok()
