#!/usr/bin/env python3
"""How fast, and in how much memory, rows leave the engine for Python.

    python benches/python_frames.py --rows 10000000

Prints the seconds of `toPandas` beside those of PyArrow reading the same Parquet into pandas, and the memory that
`toLocalIterator` takes over all rows. Each measure runs in a process of its own; the best of three counts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "crates" / "python" / "python"

MAKE = """
import sys, numpy as np, pyarrow as pa, pyarrow.parquet as pq
path, rows = sys.argv[1], int(sys.argv[2])
draw = np.random.default_rng(7)
words = pa.array([f"word number {i}" for i in range(1000)])
with pq.ParquetWriter(path, pa.schema([("id", pa.int64()), ("x", pa.float64()), ("n", pa.int32()), ("day", pa.date32()),
                                       ("word", pa.string())])) as out:
    for start in range(0, rows, 1_000_000):
        count = min(1_000_000, rows - start)
        out.write_table(pa.table({
            "id": pa.array(np.arange(start, start + count)), "x": pa.array(draw.normal(size=count)),
            "n": pa.array(draw.integers(0, 1000, count, dtype=np.int32)),
            "day": pa.array(draw.integers(0, 20000, count, dtype=np.int32)).cast(pa.date32()),
            "word": words.take(pa.array(draw.integers(0, 1000, count)))}), row_group_size=250_000)
"""

MEASURES = {
    "PyArrow to pandas": """
import pyarrow.parquet as pq
def work():
    return len(pq.read_table(path).to_pandas(self_destruct=True, split_blocks=True))
""",
    "toPandas": """
from springald.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.range(1).count()
def work():
    return len(spark.read.parquet(path).toPandas())
""",
    "toLocalIterator": """
from springald.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.range(1).count()
def work():
    return sum(1 for _ in spark.read.parquet(path).toLocalIterator())
""",
}

AROUND = """
import json, resource, sys, time
import pandas, pyarrow, pyarrow.parquet
path = sys.argv[1]
%s
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.perf_counter()
rows = work()
seconds = time.perf_counter() - began
most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"rows": rows, "seconds": seconds, "most_mb": most / 1024, "added_mb": (most - before) / 1024}))
"""


def main() -> int:
    """Makes the file, runs the measures and prints them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--master", default="local[*]")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    options = parser.parse_args()
    env = dict(os.environ, SPRINGALD_MASTER=options.master)
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PACKAGE), env.get("PYTHONPATH")]))
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "rows.parquet")
        subprocess.run([sys.executable, "-c", MAKE, path, str(options.rows)], check=True)
        for name, source in MEASURES.items():
            runs = []
            for _ in range(1 if name == "toLocalIterator" else options.runs):
                command = [sys.executable, "-c", AROUND % source, path]
                done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
                runs.append(json.loads(done.stdout.splitlines()[-1]))
            results[name] = min(runs, key=lambda run: run["seconds"])
    ratio = results["toPandas"]["seconds"] / results["PyArrow to pandas"]["seconds"]
    if options.format == "json":
        print(json.dumps({"measures": results, "toPandas_to_PyArrow": ratio}, indent=1))
        return 0
    for name, run in results.items():
        print(f"{name:<20} {run['rows']:>11,} rows {run['seconds']:8.2f} s {run['most_mb']:8.0f} MB at most")
    print(f"toPandas takes {ratio:.2f} times as long as PyArrow")
    return 0


if __name__ == "__main__":
    sys.exit(main())
