"""Counts the words of text files, the most frequent first.

springald submit wordcount.py /opt/workspace/datain/books --top 20 --out /opt/workspace/dataout/words
"""

import argparse

from springald.sql import SparkSession
from springald.sql import functions as F


def main() -> None:
    parser = argparse.ArgumentParser(description="Count the words of text files, the most frequent first.")
    parser.add_argument("path", nargs="+", help="files, folders or globs")
    parser.add_argument("--top", type=int, default=10, help="how many words are printed")
    parser.add_argument("--min-length", type=int, default=1, help="leave out shorter words")
    parser.add_argument("--out", help="a folder for the counts of all words, as Parquet")
    arguments = parser.parse_args()

    with SparkSession.builder.appName("wordcount").getOrCreate() as spark:
        lines = spark.read.text(arguments.path)
        words = lines.select(F.explode(F.split(F.lower("value"), r"[^\p{L}']+")).alias("word"))
        long = words.filter(F.length("word") >= max(1, arguments.min_length))
        counts = long.groupBy("word").count().orderBy(F.col("count").desc(), "word")
        if arguments.out:
            counts.write.mode("overwrite").parquet(arguments.out)
        for word, count in counts.limit(arguments.top).collect():
            print(f"{count:8} {word}")


if __name__ == "__main__":
    main()
