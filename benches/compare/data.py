"""The data that work reads, made once in the cache folder by flags that its folder's name repeats."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from compare.places import QUERIES, binary, cache
from compare.sizes import Size

TPCH_TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")
TPCDS_TABLES = (
    "catalog_sales", "customer", "customer_address", "customer_demographics", "date_dim", "household_demographics",
    "item", "promotion", "reason", "store", "store_returns", "store_sales", "time_dim", "web_sales",
)  # fmt: skip

# The last DuckDB whose PyPI package holds the generator of TPC-DS; it runs in an environment of its own.
TPCDS_GENERATOR = "duckdb==1.1.3"
_TPCDS = """
import os, sys, duckdb
folder, scale, compression, tables = sys.argv[1], float(sys.argv[2]), sys.argv[3], sys.argv[4:]
made = duckdb.connect(folder + "/tpcds.duckdb")
made.execute("LOAD tpcds")
made.execute("SET enable_progress_bar = false")
made.execute(f"CALL dsdgen(sf={scale})")
for table in tables:
    os.mkdir(f"{folder}/{table}")
    file = f"{folder}/{table}/part-00000.parquet"
    made.execute(f"COPY {table} TO '{file}' (FORMAT parquet, COMPRESSION {compression}, ROW_GROUP_SIZE 122880)")
made.close()
os.remove(folder + "/tpcds.duckdb")
"""


@dataclass(frozen=True)
class Data:
    """Folders of one size's data, all under `root`."""

    size: Size
    root: Path

    @staticmethod
    def of(size: Size) -> Data:
        """The data of a size, in the cache folder."""
        return Data(size, cache() / "data")

    def tpch(self) -> dict[str, Path]:
        """TPC-H's tables."""
        size = self.size
        flags = ("--scale", size.tpch, "--strings", size.strings, "--compression", size.compression)
        folder = self._made("tpch", *flags)
        return {table: folder / table for table in TPCH_TABLES}

    def tpcds(self) -> dict[str, Path]:
        """Those tables of TPC-DS that the queries here read."""
        scale, compression = self.size.tpcds, self.size.compression
        folder = self.root / f"tpcds-sf{scale}-{compression}"
        if not folder.is_dir():
            python = _environment(cache() / "tpcds-generator", TPCDS_GENERATOR)
            _make(folder, lambda half: [python, "-c", _TPCDS, half, scale, compression, *TPCDS_TABLES], mkdir=True)
        return {table: folder / table for table in TPCDS_TABLES}

    def text(self) -> Path:
        """Text of Zipf-distributed words."""
        return self._made("text", "--size", self.size.text)

    def linreg(self) -> Path:
        """Twenty features and a label."""
        return self._made("linreg", "--rows", self.size.rows, "--features", 20)

    def kmeans(self) -> Path:
        """Points around sixteen centres."""
        return self._made("kmeans", "--rows", self.size.rows, "--features", 16, "--k", 16)

    def logs(self) -> Path:
        """Two logs with ids in common."""
        return self._made("logs", "--rows", self.size.log_rows)

    def _made(self, kind: str, *flags: object) -> Path:
        folder = self.root / "-".join([kind, *(str(flag).strip("-") for flag in flags)])
        if not folder.is_dir():
            _make(folder, lambda half: [binary(), "datagen", kind, *map(str, flags), "--out", half])
        return folder


def query(suite: str, number: int) -> str:
    """The text of a query, without its semicolon."""
    return (QUERIES / suite / f"q{number}.sql").read_text().strip().rstrip(";")


def queries(suite: str) -> list[int]:
    """The numbers of the queries that are there."""
    return sorted(int(path.stem[1:]) for path in (QUERIES / suite).glob("q*.sql"))


def _make(folder: Path, command, mkdir: bool = False) -> None:
    """Makes the data under another name, so that what is there under its own is whole."""
    half = folder.with_name(folder.name + ".half")
    if half.exists():
        subprocess.run(["rm", "-r", str(half)], check=True)
    (half if mkdir else half.parent).mkdir(parents=True, exist_ok=True)
    print(f"making {folder}", file=sys.stderr, flush=True)
    subprocess.run([str(part) for part in command(half)], check=True, stdout=sys.stderr)
    half.rename(folder)


def _environment(folder: Path, requirement: str) -> Path:
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", requirement]
        subprocess.run(install, check=True)
        (folder / "ready").touch()
    return python
