"""Makes frames.json: what PySpark says to the programs of frame_programs.py.

python make_frames.py            # all of them, where pyspark 4 and Java are
python make_frames.py NAME…      # some, beside what is there
"""

import datetime
import json
import os
import sys
import time
from decimal import Decimal
from pathlib import Path

os.environ["TZ"] = "UTC"
time.tzset()

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from frame_programs import PRELUDE, PROGRAMS  # noqa: E402
from frame_values import encoded  # noqa: E402


def main() -> None:
    """Runs each program and writes its result."""
    import pyspark
    from pyspark.sql import Row, SparkSession, Window
    from pyspark.sql import functions as F

    spark = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "1g")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    names = {"spark": spark, "F": F, "Window": Window, "Row": Row, "datetime": datetime, "Decimal": Decimal}
    exec(PRELUDE, names)
    path = Path(__file__).with_name("frames.json")
    wanted = sys.argv[1:]
    known = json.loads(path.read_text())["results"] if wanted else {}
    results = {}
    for name, source in PROGRAMS.items():
        if wanted and name not in wanted:
            results[name] = known[name]
            continue
        scope = dict(names)
        try:
            exec(source, scope)
            results[name] = encoded(scope["result"])
        except Exception as error:
            sys.stderr.write(f"{name}: {type(error).__name__}: {str(error)[:300]}\n")
    made = {"pyspark": pyspark.__version__, "results": results}
    path.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n")
    spark.stop()


if __name__ == "__main__":
    main()
