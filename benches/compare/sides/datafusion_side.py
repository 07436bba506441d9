"""DataFusion, the library under Springald, in one process."""

from __future__ import annotations

import datafusion
import pyarrow as pa

from compare.sides.side import Side


class DataFusion(Side):
    """A session context."""

    can = ("sql", "latency", "clients")

    def version(self) -> str:
        """The version of the library."""
        return datafusion.__version__

    def start(self) -> None:
        """Makes the context."""
        config = datafusion.SessionConfig().with_target_partitions(self.settings["threads"])
        self._context = datafusion.SessionContext(config)
        self.query("SELECT 1")

    def make_table(self, name: str, path: str) -> None:
        """A table over the files."""
        self._context.register_parquet(name, path)

    def query(self, sql: str) -> pa.Table:
        """The rows, as Arrow."""
        return self._context.sql(sql).to_arrow_table()
