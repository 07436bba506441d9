#!/usr/bin/env python3
"""Linear regression, k-means and word count on a master and two workers of one core, and on Spark if it is there.

The data is made once, in the cache folder: 4 M x 20 doubles with a label, 4 M x 16 doubles around 16 centres, and 1 GB of
text; `--rows` and `--text` make less. Each figure is the median of `--rounds` runs after one that warms up, and each run reads
its files: linear regression is read and fit; k-means is read, packed, k-means|| and 20 iterations; word count is the ten
most frequent words. Springald's times are those of whole commands, start of the client included; Spark's are taken inside
its session. Spark runs as `--spark PYTHON` says: a Python that has pyspark, with Java; as a standalone master
and two workers of one core. Then the answers are compared, too, and the script fails where they differ.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from springald_cluster import Cluster, binary, cache, free_port

FEATURES = [f"f{i}" for i in range(20)]
COLUMNS = [f"x{i}" for i in range(16)]
ITERATIONS = 20


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--text", default="1GB")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", default="3GiB", help="of each worker")
    parser.add_argument("--spark", metavar="PYTHON", help="a Python with pyspark, to run Spark as well")
    args = parser.parse_args()
    data = {
        "linreg": make("linreg", "--rows", args.rows, "--features", 20),
        "kmeans": make("kmeans", "--rows", args.rows, "--features", 16, "--k", 16),
        "text": make("text", "--size", args.text),
    }
    ours = springald(data, args)
    theirs = spark(data, args) if args.spark else {}
    wrong = []
    print(f"{'work':18} {'Springald':>10} {'Spark':>10} {'ratio':>6}  answers")
    for work, (seconds, answer) in ours.items():
        line = f"{work:18} {seconds:8.2f} s"
        if work in theirs:
            spark_seconds, spark_answer = theirs[work]
            same = alike(answer, spark_answer)
            line += f" {spark_seconds:8.2f} s {spark_seconds / seconds:6.1f}  {'same' if same else 'DIFFERENT'}"
            if not same:
                wrong.append(f"{work}: {answer}\n    Spark: {spark_answer}")
        print(line)
    if wrong:
        sys.exit("\n".join(wrong))


def make(kind, *options):
    """The folder of that data, made if it is not there."""
    name = "-".join(str(o).strip("-") for o in (kind, *options))
    folder = cache() / "data" / name
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([binary(), "datagen", kind, *map(str, options), "--out", folder], check=True, stdout=sys.stderr)
    return folder


def springald(data, args):
    jobs = {
        "linear regression": ["linreg", data["linreg"], "--features", ",".join(FEATURES)],
        "elastic net": [
            "linreg", data["linreg"], "--features", ",".join(FEATURES), "--reg-param", 0.3, "--elastic-net-param", 0.8,
        ],
        "k-means": [
            "kmeans", data["kmeans"], "--features", ",".join(COLUMNS), "--k", 16, "--max-iter", ITERATIONS,
            "--tol", 0, "--seed", 1, "--no-silhouette",
        ],
        "word count": ["wordcount", data["text"], "--top", 10],
    }  # fmt: skip
    answers = {}
    with Cluster(workers=2, cores=1, memory=args.memory) as cluster:
        for work, job in jobs.items():
            seconds = []
            for _ in range(args.rounds + 1):
                begun = time.monotonic()
                command = [binary(), "run", "--master", cluster.url, "--format", "json", *map(str, job)]
                done = subprocess.run(command, capture_output=True, text=True, timeout=600)
                seconds.append(time.monotonic() - begun)
                if done.returncode != 0:
                    sys.exit(f"{work}: {done.stderr}")
            answers[work] = statistics.median(seconds[1:]), answer_of(work, json.loads(done.stdout), done.stderr)
            print(f"{work}: {' '.join(f'{s:.2f}' for s in seconds)} s; workers' peak memory {cluster.peak_memory()} MiB")
    return answers


def answer_of(work, rows, said):
    if work == "k-means":
        return [float(re.search(r"cost ([\d.e+]+)", said)[1])]
    if work == "word count":
        return [(row["word"], row["count"]) for row in rows]
    return [row["coefficient"] for row in rows]


def spark(data, args):
    """Starts a standalone cluster by Spark's own scripts, and runs `spark_side.py` on it."""
    home = subprocess.run(
        [args.spark, "-c", "import os, pyspark; print(os.path.dirname(pyspark.__file__))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    port = free_port()
    env = {**os.environ, "SPARK_HOME": home, "SPARK_NO_DAEMONIZE": "1", "PYSPARK_PYTHON": args.spark}
    deploy = "org.apache.spark.deploy"
    processes = []
    with tempfile.TemporaryDirectory() as folder:

        def start(*command):
            log = open(Path(folder) / f"{len(processes)}.log", "w")
            processes.append(subprocess.Popen([f"{home}/bin/spark-class", *command], env=env, stdout=log, stderr=log))

        try:
            url = f"spark://127.0.0.1:{port}"
            start(f"{deploy}.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", str(free_port()))
            time.sleep(4)
            for i in range(2):
                start(
                    f"{deploy}.worker.Worker", url, "--host", "127.0.0.1", "--cores", "1", "--memory", "4g",
                    "--webui-port", str(free_port()), "--work-dir", f"{folder}/work-{i}",
                )  # fmt: skip
            time.sleep(4)
            given = json.dumps({**{k: str(v) for k, v in data.items()}, "rounds": args.rounds, "master": url})
            side = Path(__file__).parent / "spark_side.py"
            done = subprocess.run([args.spark, side, given], env=env, capture_output=True, text=True, timeout=3600)
        finally:
            for process in processes:
                process.kill()
                process.wait()
    if done.returncode != 0:
        sys.exit(f"Spark: {done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def alike(a, b):
    """Whether numbers agree to six digits; k-means's cost, which depends on where it began, may be a tenth higher."""
    if len(a) == len(b) == 1:
        return a[0] <= b[0] * 1.1
    if a and isinstance(a[0], float):
        return len(a) == len(b) and all(abs(x - y) <= 1e-6 * max(abs(x), abs(y), 1e-3) for x, y in zip(a, b))
    return [tuple(x) for x in a] == [tuple(y) for y in b]


if __name__ == "__main__":
    main()
