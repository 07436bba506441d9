#!/usr/bin/env python3
"""Milliseconds of a warm `select count(*)` of a 25-row table through a cluster.

One session asks it 220 times, the first 20 to warm up; `springald sql` says what each took. Prints the
median and the 95th percentile, and exits with 1 if the median is over the limit.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from springald_cluster import Cluster, binary

WARM_UP = 20
PEOPLE = Path(__file__).parent.parent / "data/samples/people.csv"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--queries", type=int, default=200, help="queries measured (200)")
    parser.add_argument("--limit-ms", type=float, default=10, help="most that the median may be (10)")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder, Cluster(workers=2, cores=1) as cluster:
        table = f"{folder}/small.parquet"
        session(cluster, f"COPY (SELECT * FROM '{PEOPLE}') TO '{table}'")
        asked = "SELECT count(*) FROM small;\n" * (WARM_UP + args.queries)
        script = Path(folder) / "queries.sql"
        script.write_text(f"CREATE EXTERNAL TABLE small STORED AS PARQUET LOCATION '{table}';\n{asked}")
        out = session(cluster, None, "-f", str(script), "--timing")
    times = [float(seconds) * 1000 for seconds in re.findall(r"^1 row in ([\d.]+) s$", out, re.M)]
    times = times[-args.queries :]
    if len(times) < args.queries:
        sys.exit(f"found {len(times)} times in what the session printed:\n{out[-2000:]}")
    median = statistics.median(times)
    print(f"median {median:.2f} ms, 95th percentile {sorted(times)[int(len(times) * 0.95)]:.2f} ms, {len(times)} queries")
    if median > args.limit_ms:
        sys.exit(f"over the limit of {args.limit_ms} ms")


def session(cluster, text, *more):
    command = [binary(), "sql", "--master", cluster.url, "--format", "csv", *more]
    command += ["-e", text] if text else []
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return done.stdout + done.stderr


if __name__ == "__main__":
    main()
