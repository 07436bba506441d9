"""DuckDB in one process."""

from __future__ import annotations

import os

import duckdb
import pyarrow as pa

from compare.sides.side import WORD_COUNT_ROWS, Done, Given, Side, written_csv


class DuckDb(Side):
    """A connection to a database in memory."""

    can = ("sql", "latency", "clients", "wordcount", "logjoin")

    def version(self) -> str:
        """The version of the library."""
        return duckdb.__version__

    def start(self) -> None:
        """Opens the connection."""
        self._connection = duckdb.connect()
        self._connection.execute(f"SET threads = {self.settings['threads']}")
        self._connection.execute("SET enable_progress_bar = false")
        self._connection.execute("SELECT 1").fetchall()

    def make_table(self, name: str, path: str) -> None:
        """A view of the files."""
        self._connection.execute(f"CREATE OR REPLACE VIEW {name} AS FROM read_parquet('{path}/*.parquet')")

    def query(self, sql: str) -> pa.Table:
        """The rows, as Arrow; each call has a cursor of its own, as clients run side by side."""
        rows = self._connection.cursor().sql(sql)
        return pa.table({}) if rows is None else rows.to_arrow_table()

    def wordcount(self, given: Given) -> pa.Table:
        """The most frequent words, of lines read as a CSV file of one column."""
        return self.query(f"""
            SELECT word, count(*) AS count FROM (
                SELECT unnest(string_split(line, ' ')) AS word
                FROM read_csv('{given["path"]}/*.txt', columns = {{'line': 'VARCHAR'}}, delim = '\\1', quote = '',
                              escape = '', header = false, auto_detect = false))
            WHERE word <> '' GROUP BY word ORDER BY count DESC, word LIMIT {WORD_COUNT_ROWS}""")

    def logjoin(self, given: Given) -> Done:
        """Joins two CSV logs and writes a CSV file."""
        os.mkdir(given["out"])
        logs = []
        for log, types in (
            (given["events"], "{'id': 'BIGINT', 'timestamp': 'VARCHAR', 'level': 'VARCHAR', 'message': 'VARCHAR'}"),
            (given["actions"], "{'id': 'BIGINT', 'user': 'VARCHAR', 'action': 'VARCHAR', 'duration_ms': 'BIGINT'}"),
        ):
            between = f"id BETWEEN {given['least']} AND {given['most']}"
            logs.append(f"(SELECT * FROM read_csv('{log}', columns = {types}, header = true) WHERE {between})")
        rows = f"SELECT * FROM {logs[0]} JOIN {logs[1]} USING (id)"
        seconds, _ = self.timed(lambda: self.query(f"COPY ({rows}) TO '{given['out']}/part.csv' (FORMAT csv, HEADER)"))
        return Done(seconds, written_csv(given["out"]))
