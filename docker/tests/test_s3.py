"""Parquet in an S3 server of one's own, read and written in local mode and on a cluster."""

import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from cluster import free_port
from engine import IMAGE, docker, within


@pytest.fixture
def endpoint(containers):
    """The URL of an S3 server with a bucket `lake`, at an address of this machine that containers reach."""
    # The server is moto's: Debian packages no other.
    hosts = docker("run", "--rm", "--add-host", "s3:host-gateway", "--entrypoint", "cat", IMAGE, "/etc/hosts").ok().out
    gateway = next(line.split()[0] for line in hosts.splitlines() if line.endswith("s3"))
    port = free_port()
    url = f"http://{gateway}:{port}"
    command = [Path(sys.executable).with_name("moto_server"), "-H", gateway, "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            within(60, "the S3 server answers", lambda: put(f"{url}/lake"))
            yield url
        finally:
            server.kill()


def put(url):
    try:
        return urlopen(Request(url, method="PUT"), timeout=5).status == 200
    except OSError:
        return False


def test_parquet_in_a_bucket(endpoint, new_cluster, report):
    settings = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "of-the-test",
        "AWS_SECRET_ACCESS_KEY": "of-the-test",
    }
    cluster = new_cluster(**settings)
    cluster.up()
    for master in ("local[2]", "springald://master:7077"):
        write, read = write_and_read(cluster, master, settings)
        report(f"{master}: written in {write:.2f} s, read and joined in {read:.2f} s, containers' start included")


def write_and_read(cluster, master, settings):
    """Copies a table of the volume into the bucket, and asks it from there; how long both took, in seconds."""
    environment = [word for item in settings.items() for word in ("-e", "=".join(item))]
    folder = f"s3://lake/{master[:5]}"

    def ask(sql):
        where = ("--network", cluster.network, "-v", f"{cluster.project}_workspace:/opt/workspace")
        where += ("-v", f"{cluster.project}_token:/run/springald:ro", "-e", "SPRINGALD_TOKEN_FILE=/run/springald/token")
        query = ("sql", "--master", master, "--format", "csv", "-e", sql)
        return docker("run", "--rm", *where, *environment, IMAGE, *query).ok()

    orders, customer = (f"/opt/workspace/datain/tpch/{name}" for name in ("orders", "customer"))
    write = ask(f"COPY (SELECT * FROM '{orders}') TO '{folder}/orders/' STORED AS PARQUET")
    join = f"JOIN '{customer}' ON o_custkey = c_custkey"
    sql = f"SELECT count(*) AS n, round(sum(o_totalprice), 2) AS total FROM '{{}}' {join}"
    read = ask(sql.format(f"{folder}/orders/"))
    assert read.out == ask(sql.format(orders)).out
    ask(f"COPY (SELECT * FROM '{orders}' LIMIT 10) TO '{folder}/ten.parquet'")
    assert ask(f"SELECT count(*) AS n FROM '{folder}/ten.parquet'").out.split()[-1] == "10"
    return write.seconds, read.seconds
