#!/usr/bin/env python3
"""Runs PySpark's own example scripts under Springald, with only `pyspark` replaced in import lines, and compares what
they print with what they print under PySpark.

    python benches/compare/pyspark_examples.py --spark-python /path/to/venv/bin/python
    python benches/compare/pyspark_examples.py --list
    python benches/compare/pyspark_examples.py --only ml/kmeans_example,sql/basic

The scripts come with the PyPI package `pyspark`; their data files do not, so small ones of the same form are made in a
temporary folder. What PySpark printed is kept in `pyspark_examples.json` beside this file and made anew with `--spark`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
KEPT = HERE / "pyspark_examples.json"
PACKAGE = HERE.parents[1] / "crates" / "python" / "python"
SAMPLES = HERE.parents[1] / "data" / "samples"

# Left out: streaming and mllib are interfaces of their own; the others need a database, Hive or Hadoop's file formats.
LEFT_OUT = re.compile(r"streaming|mllib|hive|jdbc|inputformat|status_api|__init__|udtf")


@dataclass(frozen=True)
class Example:
    """A script, or some functions of one, with the arguments it is given."""

    name: str
    script: str
    arguments: tuple[str, ...] = ()
    functions: tuple[str, ...] = field(default=())


# Scripts that are run in parts, as their other parts fail for PySpark as well: they need ORC, XML or a database.
PARTS = [
    Example("sql/datasource (parquet)", "sql/datasource.py", (), ("parquet_example", "parquet_schema_merging_example")),
    Example("sql/datasource (json)", "sql/datasource.py", (), ("json_dataset_example",)),
    Example("sql/datasource (csv)", "sql/datasource.py", (), ("csv_part",)),
    Example("sql/datasource (text)", "sql/datasource.py", (), ("text_part",)),
    Example("sql/arrow (tables)", "sql/arrow.py", (), ("dataframe_to_from_arrow_table_example",)),
]

# Parts of `csv_dataset_example` and `text_dataset_example` that do not depend on what else is in the folder.
EXTRA = """
def csv_part(spark):
    path = "examples/src/main/resources/people.csv"
    spark.read.csv(path).show()
    spark.read.option("delimiter", ";").csv(path).show()
    df3 = spark.read.option("delimiter", ";").option("header", True).csv(path)
    df3.show()
    spark.read.options(delimiter=";", header=True).csv(path).show()
    df3.write.csv("output")


def text_part(spark):
    path = "examples/src/main/resources/people.txt"
    df1 = spark.read.text(path)
    df1.show()
    spark.read.text(path, lineSep=",").show()
    spark.read.text(path, wholetext=True).show()
    df1.write.csv("output")
    df1.write.text("output_compressed", compression="gzip")
"""

ARGUMENTS = {
    "pi.py": ("2",),
    "sort.py": ("numbers.txt",),
    "wordcount.py": ("words.txt",),
    "pagerank.py": ("links.txt", "10"),
    "kmeans.py": ("data/mllib/kmeans_data.txt", "2", "0.1"),
    "logistic_regression.py": ("data/mllib/lr_data.txt", "5"),
    "als.py": ("20", "50", "5", "2"),
}

# What a script prints here differs from run to run in PySpark too.
RANDOM = {"pi", "sql/arrow (tables)"}

RUNNER = r"""
import re, sys
path, library, functions, extra = sys.argv[1:5]
sys.argv = [path, *sys.argv[5:]]
source = open(path).read()
if library != "pyspark":
    source = re.sub(r"(?m)^(\s*(?:from|import)\s+)pyspark\b", r"\g<1>" + library, source)
names = {"__name__": "__main__" if not functions else "example", "__file__": path}
exec(compile(source, path, "exec"), names)
if functions:
    exec(extra, names)
    spark = names["SparkSession"].builder.appName("example").getOrCreate()
    for function in functions.split(","):
        names[function](spark)
    spark.stop()
"""


def main() -> int:
    """Runs the examples and says which agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spark-python", default=sys.executable, help="a Python that has pyspark, and Java")
    parser.add_argument("--python", default=sys.executable, help="a Python that has Springald's needs")
    parser.add_argument("--spark", action="store_true", help="run PySpark even where its output is kept")
    parser.add_argument("--kept", action="store_true", help="compare with kept outputs alone, and run no PySpark")
    parser.add_argument("--master", default="local[2]", help="Springald's master")
    parser.add_argument("--list", action="store_true", help="name the examples and end")
    parser.add_argument("--only", default="", help="names, or beginnings of names, with commas between")
    parser.add_argument("--show", action="store_true", help="show both outputs where they differ")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    options = parser.parse_args()
    folder = scripts(options.spark_python)
    wanted = [one for one in options.only.split(",") if one]
    examples = [e for e in found(folder) if not wanted or any(e.name.startswith(one) for one in wanted)]
    if options.list:
        print("\n".join(e.name for e in examples))
        return 0
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    results = []
    with tempfile.TemporaryDirectory() as temporary:
        for example in examples:
            result = compared(example, folder, Path(temporary), options, kept)
            results.append(result)
            if options.format == "text":
                print(f"{result['verdict']:<12} {example.name:<48} {result['why']}", flush=True)
    passed = sum(result["verdict"] == "same" for result in results)
    if options.format == "json":
        print(json.dumps({"passed": passed, "of": len(results), "examples": results}, indent=1))
    else:
        print(f"{passed} of {len(results)} examples print what PySpark prints")
    return 0


def scripts(python: str) -> Path:
    """The folder of PySpark's examples."""
    where = "import os, pyspark; print(os.path.dirname(pyspark.__file__))"
    package = subprocess.run([python, "-c", where], capture_output=True, text=True, check=True).stdout.strip()
    return Path(package) / "examples" / "src" / "main" / "python"


def found(folder: Path) -> list[Example]:
    """All examples that can be run."""
    examples = list(PARTS)
    whole = {part.script for part in PARTS}
    for script in sorted(folder.rglob("*.py")):
        name = script.relative_to(folder).as_posix()
        if not LEFT_OUT.search(name) and name not in whole:
            examples.append(Example(name.removesuffix(".py"), name, ARGUMENTS.get(name, ())))
    return sorted(examples, key=lambda example: example.name)


def compared(
    example: Example, folder: Path, temporary: Path, options: argparse.Namespace, kept: dict[str, str]
) -> dict[str, str]:
    """The verdict on one example: `same`, `near`, `differs`, `fails`, `not there`, or `no answer` of PySpark's."""
    code, ours, errors = run(example, folder, temporary / "ours", options.python, "springald", options.master)
    if code:
        last = next(
            (line for line in reversed(errors.splitlines()) if re.match(r"\w[\w.]*(Error|Exception)", line)), ""
        )
        missing = re.search(r"ImportError|ModuleNotFound|AttributeError|NotImplemented", last)
        return {"name": example.name, "verdict": "not there" if missing else "fails", "why": last[:160]}
    if example.name not in kept and options.kept:
        return {"name": example.name, "verdict": "runs", "why": "PySpark's output is not kept"}
    if example.name not in kept or options.spark:
        code, theirs, errors = run(example, folder, temporary / "theirs", options.spark_python, "pyspark", "local[1]")
        if code:
            return {"name": example.name, "verdict": "no answer", "why": errors.strip().splitlines()[-1][:160]}
        kept[example.name] = theirs
        KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    theirs = kept[example.name]
    why = difference(ours, theirs, example.name in RANDOM)
    if why and options.show:
        print(f"--- PySpark\n{theirs}\n--- Springald\n{ours}")
    verdict = {"!": "differs", "~": "near"}.get(why[:1], "same")
    return {"name": example.name, "verdict": verdict, "why": why.lstrip("!~")}


def run(example: Example, folder: Path, work: Path, python: str, library: str, master: str) -> tuple[int, str, str]:
    """The exit status, output and errors of an example in a folder of its own."""
    work = work / re.sub(r"\W+", "_", example.name)
    write_data(work)
    env = dict(os.environ, PYTHONHASHSEED="0", TZ="UTC")
    if library == "pyspark":
        quiet = "--conf spark.ui.enabled=false --conf spark.sql.shuffle.partitions=1 --conf spark.log.level=OFF"
        env["PYSPARK_SUBMIT_ARGS"] = f"--master {master} --driver-memory 1g {quiet} pyspark-shell"
    else:
        env["SPRINGALD_MASTER"] = master
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PACKAGE), env.get("PYTHONPATH")]))
    command = [python, "-c", RUNNER, str(folder / example.script), library, ",".join(example.functions), EXTRA]
    began = time.monotonic()
    try:
        done = subprocess.run(
            [*command, *example.arguments], cwd=work, env=env, capture_output=True, text=True, timeout=300
        )
    except subprocess.TimeoutExpired:
        return 1, "", f"TimeoutError: no end after {time.monotonic() - began:.0f} s"
    return done.returncode, done.stdout, done.stderr


def difference(ours: str, theirs: str, is_random: bool) -> str:
    """Nothing if both are the same; what differs, with `!` before it if that matters, `~` if training ended near by."""
    mine, wanted = (re.sub(r"[ \t]+\n", "\n", text).strip().splitlines() for text in (ours, theirs))
    if mine == wanted:
        return ""
    if is_random and len(mine) == len(wanted):
        return "random numbers in it"
    if len(mine) != len(wanted):
        return f"!{len(mine)} lines, and PySpark prints {len(wanted)}"
    if all(map(close, mine, wanted)):
        return "last digits of numbers"
    if all(map(close, sorted(mine), sorted(wanted))):
        return "rows in another order"
    results = [[line for line in lines if not STEPS.match(line)] for lines in (mine, wanted)]
    if len(results[0]) == len(results[1]) and all(close(a, b, 2e-4) for a, b in zip(*results, strict=True)):
        return "~the optimiser took other steps; results agree to 4 digits"
    place = next(i for i, pair in enumerate(zip(mine, wanted, strict=True)) if not close(*pair))
    return f"!{mine[place].strip()[:60]!r} for {wanted[place].strip()[:60]!r}"


NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")


# What a script prints of an optimiser's way to the result.
STEPS = re.compile(r"numIterations|objectiveHistory")


def close(a: str, b: str, tolerance: float = 1e-5) -> bool:
    """Whether two lines are the same but for the last digits of numbers, and the blanks that these make."""
    texts = [re.sub(r"[\s-]+", "", NUMBER.sub("#", line)) for line in (a, b)]
    numbers = [[float(n) for n in NUMBER.findall(line)] for line in (a, b)]
    return texts[0] == texts[1] and all(
        math.isclose(x, y, rel_tol=tolerance, abs_tol=tolerance / 1e4 if tolerance <= 1e-5 else tolerance)
        for x, y in zip(*numbers, strict=False)
    )


def write_data(work: Path) -> None:
    """The files that the examples read."""
    draw = random.Random(7)
    resources = work / "examples/src/main/resources"
    resources.mkdir(parents=True)
    (resources / "people.json").write_text(
        '{"name":"Michael"}\n{"name":"Andy", "age":30}\n{"name":"Justin", "age":19}\n'
    )
    (resources / "people.txt").write_text("Michael, 29\nAndy, 30\nJustin, 19\n")
    (resources / "people.csv").write_text("name;age;job\nJorge;30;Developer\nBob;32;Developer\n")
    write_parquet(resources)
    data = work / "data/mllib"
    (data / "als").mkdir(parents=True)
    points = [0.0, 0.1, 0.2, 9.0, 9.1, 9.2]
    lines = [f"{i} " + " ".join(f"{j}:{p}" for j in (1, 2, 3)) for i, p in enumerate(points)]
    (data / "sample_kmeans_data.txt").write_text("\n".join(lines) + "\n")
    (data / "kmeans_data.txt").write_text("".join(f"{p} {p} {p}\n" for p in points))
    (data / "sample_linear_regression_data.txt").write_text((SAMPLES / "sample_linear_regression_data.txt").read_text())
    (data / "sample_libsvm_data.txt").write_text(libsvm(draw, 100, 692, 2))
    (data / "sample_multiclass_classification_data.txt").write_text(libsvm(draw, 150, 4, 3))
    (data / "sample_isotonic_regression_libsvm_data.txt").write_text(libsvm(draw, 100, 1, 5))
    (data / "sample_binary_classification_data.txt").write_text(libsvm(draw, 100, 20, 2))
    (data / "sample_lda_libsvm_data.txt").write_text(libsvm(draw, 12, 11, 12))
    rows = [f"{draw.choice('01')} " + " ".join(f"{draw.gauss(0, 1):.3f}" for _ in range(10)) for _ in range(100)]
    (data / "lr_data.txt").write_text("\n".join(rows) + "\n")
    ratings = [f"{draw.randrange(30)}::{draw.randrange(100)}::{draw.randrange(1, 6)}::0" for _ in range(1500)]
    (data / "als/sample_movielens_ratings.txt").write_text("\n".join(ratings) + "\n")
    (work / "numbers.txt").write_text("5 3 9\n1\n7 2\n")
    (work / "words.txt").write_text("the cat and the dog\nand the bird\n")
    (work / "links.txt").write_text("1 2\n1 3\n1 4\n2 1\n3 1\n4 1\n")


def libsvm(draw: random.Random, rows: int, features: int, labels: int) -> str:
    """Sparse rows whose first features tell the label a little."""
    lines = []
    for _ in range(rows):
        label = draw.randrange(labels)
        chosen = sorted(draw.sample(range(1, features + 1), max(1, min(features, features // 5 + 3))))
        values = " ".join(f"{i}:{draw.randrange(1, 256) / 4 + (i % labels == label) * 40:g}" for i in chosen)
        lines.append(f"{label} {values}")
    return "\n".join(lines) + "\n"


def write_parquet(resources: Path) -> None:
    """users.parquet, and the folders that hold a broken file among good ones."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbers = pa.array([[3, 9, 15, 20], []], pa.list_(pa.int32()))
    users = {"name": ["Alyssa", "Ben"], "favorite_color": [None, "red"], "favorite_numbers": numbers}
    pq.write_table(pa.table(users), resources / "users.parquet")
    inner = resources / "dir1/dir2"
    inner.mkdir(parents=True)
    pq.write_table(pa.table({"file": ["file1.parquet"]}), resources / "dir1/file1.parquet")
    pq.write_table(pa.table({"file": ["file2.parquet"]}), inner / "file2.parquet")
    (resources / "dir1/file3.json").write_text('{"file": "corrupt.json"}\n')


if __name__ == "__main__":
    sys.exit(main())
