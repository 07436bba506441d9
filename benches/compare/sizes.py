"""How much data each size means."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Data and rounds of a run."""

    name: str
    tpch: str
    tpcds: str
    text: str
    rows: int
    log_rows: int
    rounds: int
    # The type that TPC-H's files give to strings; Polars and DataFusion write `utf8view`.
    strings: str = "utf8"
    # Of TPC-H's and TPC-DS's files. Spark and most others write Snappy, unless told otherwise.
    compression: str = "snappy"
    # Seconds in which small queries are asked, and how many at most.
    latency_seconds: float = 5.0
    latency_queries: int = 200
    # Of TPC-H, that each of eight clients asks.
    client_queries: int = 6


SIZES = {
    size.name: size
    for size in (
        # On two cores under ten minutes, Spark included.
        Size("small", "0.2", "0.3", "100MB", 400_000, 200_000, 1, latency_seconds=3.0, client_queries=2),
        Size("medium", "1", "1", "300MB", 1_000_000, 1_000_000, 3),
        Size("large", "10", "1", "1GB", 4_000_000, 4_000_000, 3),
    )
}
