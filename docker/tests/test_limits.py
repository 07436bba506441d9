"""Memory and disk that do not suffice: a clear error within seconds, and a cluster that goes on."""

from cluster import QUERY
from engine import IMAGE

IDS = "COPY (SELECT value AS id FROM generate_series(1, 8000000)) TO '/opt/workspace/datain/ids/' STORED AS PARQUET"
# Two sides of 8 million rows with 120 bytes each: 1 GB to hold, where the worker has 256 MB.
BIG_JOIN = """
    SELECT count(*) AS n, sum(length(a.text) + length(b.text)) AS length
    FROM (SELECT id, repeat('x', 100) || id AS text FROM '/opt/workspace/datain/ids/') a
    JOIN (SELECT id, repeat('y', 100) || id AS text FROM '/opt/workspace/datain/ids/') b ON a.id = b.id
"""


def test_a_join_of_1_gb_on_a_worker_of_256_mb(new_cluster, report):
    cluster = new_cluster(WORKER_MEMORY="256m")
    cluster.up(workers=1)
    worker = cluster.container("worker")
    assert cluster.inspect(worker, "{{.HostConfig.Memory}}") == str(256 << 20)
    cluster.sql(IDS, "--master", "local[2]").ok()
    done = cluster.sql(BIG_JOIN, seconds=180)
    killed = cluster.inspect(worker, "{{.RestartCount}} {{.State.OOMKilled}}")
    report(f"exit {done.code} after {done.seconds:.1f} s, {killed!r}: {done.error() or done.out.split()[-1]}")
    assert killed == "0 false", f"the worker passed its limit: {killed}"
    if done.code == 0:
        assert done.out.split()[-1].startswith("8000000,"), done
    else:
        done.refused("memory")
    cluster.wait_for_workers(1)
    cluster.sql(QUERY).ok()


def test_the_volume_is_full(new_cluster, report):
    size = {"driver": "local", "driver_opts": {"type": "tmpfs", "device": "tmpfs", "o": "size=32m,mode=0755"}}
    # Such a volume is empty again once nobody uses it.
    keeper = {"image": IMAGE, "entrypoint": ["sleep", "1d"], "volumes": ["workspace:/opt/workspace"]}
    cluster = new_cluster({"services": {"keeper": keeper}, "volumes": {"workspace": size}})
    cluster.compose("up", "-d", "--no-build", "keeper").ok()
    cluster.up(workers=1)
    # 60,000 lines, 2,000 times over: a gigabyte where 25 MB are free.
    many = """
        COPY (SELECT l_orderkey * p_partkey AS n, random() AS x
              FROM '/opt/workspace/datain/tpch/lineitem' CROSS JOIN '/opt/workspace/datain/tpch/part')
        TO '/opt/workspace/dataout/many/' STORED AS PARQUET
    """
    done = cluster.sql(many)
    report(f"exit {done.code} after {done.seconds:.1f} s: {done.error()}")
    done.refused("no space left")
    # Nothing of it is left, so that there is room for what fits.
    assert cluster.shell("ls -A /opt/workspace/dataout/many 2>/dev/null").out.split() == []
    few = "COPY (SELECT * FROM '/opt/workspace/datain/tpch/nation') TO '/opt/workspace/dataout/few/' STORED AS PARQUET"
    cluster.sql(few).ok()
    assert cluster.sql("SELECT count(*) AS n FROM '/opt/workspace/dataout/few/'").ok().out.split()[-1] == "25"
