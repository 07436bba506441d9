"""Sums the sales of one day by shop and product, and writes them as Parquet into a folder of that day.

springald submit daily_sales.py --sales /opt/workspace/datain/sales --day 2026-09-15 \\
    --out /opt/workspace/dataout/reports

The sales have the columns day, shop, product, pieces and price. The job may run again: it replaces the day's folder.
"""

import argparse
import datetime as dt
import sys

from springald.sql import SparkSession
from springald.sql import functions as F


def main() -> int:
    yesterday = dt.date.today() - dt.timedelta(days=1)
    parser = argparse.ArgumentParser(description="Sum the sales of one day by shop and product.")
    parser.add_argument("--sales", required=True, help="the folder of Parquet files")
    parser.add_argument("--day", type=dt.date.fromisoformat, default=yesterday, help="yesterday by default")
    parser.add_argument("--out", required=True, help="the folder that gets a folder for the day")
    arguments = parser.parse_args()

    with SparkSession.builder.appName(f"daily sales {arguments.day}").getOrCreate() as spark:
        sales = spark.read.parquet(arguments.sales).filter(F.col("day") == F.lit(arguments.day))
        report = sales.groupBy("shop", "product").agg(
            F.sum("pieces").alias("pieces"),
            F.round(F.sum(F.col("pieces") * F.col("price")), 2).alias("income"),
        )
        if report.isEmpty():
            print(f"there are no sales of {arguments.day}", file=sys.stderr)
            return 1
        folder = f"{arguments.out}/{arguments.day}"
        report.write.mode("overwrite").parquet(folder)
        # What was written is what is told.
        rows, income = spark.read.parquet(folder).agg(F.count("*"), F.sum("income")).first()
        print(f"{arguments.day}: {rows} rows, income {income:,.2f}")
        return 0


if __name__ == "__main__":
    sys.exit(main())
