"""What README shows, with nothing but the wheel: in this process, and on an embedded cluster."""

import subprocess
import sys
from pathlib import Path

import springald
from springald.sql import SparkSession
from springald.sql import functions as F

command = Path(sys.executable).parent / "springald"
version = subprocess.run([command, "--version"], check=True, capture_output=True, text=True).stdout
assert version.split() == ["springald", springald.__version__], version

for master in ["local[*]", "local-cluster[2,1]"]:
    with SparkSession.builder.appName("first steps").master(master).getOrCreate() as spark:
        people = spark.createDataFrame([("Ada", 36), ("Grace", 45), ("Alan", None)], ["name", "age"])
        people.createOrReplaceTempView("people")
        assert spark.sql("SELECT name FROM people WHERE age > 40").collect() == [("Grace",)]
        mean = people.agg(F.avg("age").alias("mean")).first()
        assert mean is not None
        assert mean["mean"] == 40.5
        assert spark.range(1_000_000).where(F.col("id") % 2 == 0).count() == 500_000
    print(f"first steps work on {master}")
