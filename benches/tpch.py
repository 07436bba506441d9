#!/usr/bin/env python3
"""TPC-H in one process (`local[2]`) and on a master and two workers of one core, query by query.

Prints seconds of both, their ratio, whether the rows agree, and the peak memory of each worker. Each
query is a `springald sql` of its own, so both sides include the start of a client, some 30 ms. The data
is made once, in the cache folder. Exits with 1 if a query fails or the rows differ.
"""

import argparse
import csv
import io
import math
import subprocess
import sys
import time
from pathlib import Path

from springald_cluster import Cluster, binary, cache

TABLES = ["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"]
QUERIES = Path(__file__).parent / "queries" / "tpch"


def main():
    args = arguments()
    data = make_data(args.scale, args.strings)
    tables = "".join(
        f"CREATE EXTERNAL TABLE {t} STORED AS PARQUET LOCATION '{data / t}';" for t in TABLES
    )
    totals, wrong = [0.0, 0.0], []
    with Cluster(workers=2, cores=1, memory=args.memory) as cluster:
        _, made = sql(cluster.url, tables, args.limit)
        if isinstance(made, str):
            sys.exit(f"cannot make the tables: {made}")
        print(f"{'query':>5} {'local[2]':>9} {'cluster':>9} {'ratio':>6}  rows")
        for number in args.queries:
            query = (QUERIES / f"q{number}.sql").read_text()
            local = best(args.runs, "local[2]", tables + query, args.limit)
            remote = best(args.runs, cluster.url, query, args.limit)
            verdict = compare(local, remote)
            if verdict != "equal":
                wrong.append(number)
            for i, (seconds, _) in enumerate([local, remote]):
                totals[i] += seconds
            print(f"{number:>5} {local[0]:>9.2f} {remote[0]:>9.2f} {remote[0] / local[0]:>6.2f}  {verdict}", flush=True)
        print(f"total {totals[0]:>9.2f} {totals[1]:>9.2f} {totals[1] / totals[0]:>6.2f}")
        print("peak memory of the workers: " + ", ".join(f"{mib} MiB" for mib in cluster.peak_memory()))
    if wrong:
        sys.exit(f"failed: {wrong}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", default="1", help="scale factor (1)")
    parser.add_argument("--strings", default="utf8", choices=["utf8", "utf8view"], help="type of string columns")
    parser.add_argument("--runs", type=int, default=1, help="runs of each query, of which the best counts (1)")
    parser.add_argument("--memory", default="3GiB", help="memory of each worker (3GiB)")
    parser.add_argument("--limit", type=float, default=600, help="seconds that one query may take (600)")
    parser.add_argument("queries", type=int, nargs="*", help="numbers of queries (all)")
    args = parser.parse_args()
    args.queries = args.queries or range(1, 23)
    return args


def make_data(scale, strings):
    """The folder of the tables, which is made under another name and moved when whole."""
    folder = cache() / "data" / f"tpch-sf{scale}-{strings}"
    if not folder.is_dir():
        half = folder.with_name(folder.name + ".half")
        print(f"making {folder}", flush=True)
        command = [binary(), "datagen", "tpch", "--scale", scale, "--strings", strings, "--out", str(half)]
        subprocess.run(command, check=True)
        half.rename(folder)
    return folder


def sql(master, text, limit):
    """Seconds, and the rows or the error."""
    start = time.perf_counter()
    try:
        done = subprocess.run(
            [binary(), "sql", "--master", master, "--format", "csv", "-e", text],
            capture_output=True,
            text=True,
            timeout=limit,
        )
    except subprocess.TimeoutExpired:
        return limit, f"no answer in {limit} s"
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        return seconds, done.stderr.strip()
    return seconds, list(csv.reader(io.StringIO(done.stdout)))


def best(runs, master, text, limit):
    return min((sql(master, text, limit) for _ in range(runs)), key=lambda run: run[0])


def compare(a, b):
    for name, (_, rows) in [("local[2]", a), ("cluster", b)]:
        if isinstance(rows, str):
            return f"{name} failed: {rows}"
    # Ties of an ORDER BY have no one order.
    a, b = sorted(a[1], key=sort_key), sorted(b[1], key=sort_key)
    same = len(a) == len(b) and all(len(x) == len(y) and all(map(same_cell, x, y)) for x, y in zip(a, b))
    return "equal" if same else "DIFFERENT"


def number(cell):
    try:
        return float(cell) if "." in cell or "e" in cell.lower() else None
    except ValueError:
        return None


def sort_key(row):
    numbers = [number(cell) for cell in row]
    exact = [cell for cell, n in zip(row, numbers) if n is None]
    return exact, [f"{n:.3e}" for n in numbers if n is not None]


def same_cell(a, b):
    x, y = number(a), number(b)
    if x is None or y is None:
        return a == b
    return math.isclose(x, y, rel_tol=1e-6, abs_tol=1e-9)


if __name__ == "__main__":
    main()
