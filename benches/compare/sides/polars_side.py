"""Polars in one process. Its SQL lacks the subqueries of TPC-H, so it does what frames express."""

from __future__ import annotations

import os

import polars as pl
import pyarrow as pa

from compare.sides.side import WORD_COUNT_ROWS, Done, Given, Side, written_csv


class Polars(Side):
    """Lazy frames on Polars' streaming engine."""

    can = ("wordcount", "logjoin")

    def version(self) -> str:
        """The version of the library."""
        return pl.__version__

    def start(self) -> None:
        """Has one expression computed."""
        pl.select(1)

    def wordcount(self, given: Given) -> pa.Table:
        """The most frequent words."""
        lines = pl.scan_csv(
            f"{given['path']}/*.txt", has_header=False, separator="\x01", quote_char=None, new_columns=["line"]
        )
        words = lines.select(pl.col("line").str.split(" ").explode().alias("word")).filter(pl.col("word") != "")
        counts = words.group_by("word").agg(pl.len().cast(pl.Int64).alias("count"))
        top = counts.sort(["count", "word"], descending=[True, False]).head(WORD_COUNT_ROWS)
        return top.collect(engine="streaming").to_arrow()

    def logjoin(self, given: Given) -> Done:
        """Joins two CSV logs and writes a CSV file."""
        os.mkdir(given["out"])

        def work() -> None:
            between = pl.col("id").is_between(given["least"], given["most"])
            logs = [pl.scan_csv(given[log]).filter(between) for log in ("events", "actions")]
            logs[0].join(logs[1], on="id").sink_csv(f"{given['out']}/part.csv")

        seconds, _ = self.timed(work)
        return Done(seconds, written_csv(given["out"]))
