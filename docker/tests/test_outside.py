"""A client on the host, which reaches nothing of the cluster but the master's published port 7077."""

from cluster import Cluster
from engine import IMAGE, docker

# 64 bytes a row: 1 GB in all.
ROWS = 16_000_000
MAKE = f"""
    COPY (SELECT value AS id, value * 2 AS a, value * 3 AS b, value * 5 AS c, value * 7 AS d, value * 11 AS e,
                 value * 13 AS f, value * 17 AS g
          FROM generate_series(1, {ROWS}))
    TO '/opt/workspace/datain/wide/' STORED AS PARQUET
"""
# With its columns, so that a client needs no look at the files.
TABLE = """
    CREATE EXTERNAL TABLE wide (id BIGINT, a BIGINT, b BIGINT, c BIGINT, d BIGINT, e BIGINT, f BIGINT, g BIGINT)
    STORED AS PARQUET LOCATION '/opt/workspace/datain/wide/'
"""


def test_one_gigabyte_of_results_through_port_7077(cluster: Cluster, report):
    cluster.sql(MAKE, "--master", "local[2]").ok()
    cluster.sql(TABLE).ok()
    name = f"{cluster.project}-outside"
    # The host's network, and none of the cluster's volumes but the token.
    where = ("--network", "host", "-v", f"{cluster.project}_token:/run/springald:ro")
    settings = ("-e", "SPRINGALD_TOKEN_FILE=/run/springald/token")
    try:
        docker("run", "-d", "--name", name, *where, *settings, "--entrypoint", "sleep", IMAGE, "1d").ok()
        url = f"springald://127.0.0.1:{cluster.port}"
        read = ("springald", "sql", "--master", url, "--output", "/tmp/wide.arrow", "-e", "SELECT * FROM wide")
        done = docker("exec", name, *read, seconds=120).ok()
        size = int(docker("exec", name, "stat", "-c", "%s", "/tmp/wide.arrow").ok().out)
        check = "SELECT count(*) AS n, sum(id) AS id, sum(g) AS g FROM '/tmp/wide.arrow'"
        local = ("springald", "sql", "--master", "local[2]", "--format", "csv", "-e", check)
        total = ROWS * (ROWS + 1) // 2
        assert docker("exec", name, *local).ok().out.split()[-1] == f"{ROWS},{total},{17 * total}"
    finally:
        docker("rm", "-f", name)
    assert size > 1e9
    report(f"{size / 1e9:.2f} GB in {done.seconds:.1f} s, {size / 1e6 / done.seconds:.0f} MB/s")
