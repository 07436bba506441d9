"""Writes docs/functions.md: PySpark's functions, and which of them are here.

Run with a Python that has PySpark beside the package: `python tools/functions_table.py ../../docs/functions.md`.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import pyspark
import pyspark.sql.functions as theirs
import springald.sql.functions as ours

REASONS: dict[str, tuple[str, ...]] = {
    "Python functions do not run on the workers": (
        "udf", "udtf", "pandas_udf", "arrow_udf", "arrow_udtf", "call_udf", "unwrap_udt",
    ),
    "no JVM": ("java_method", "reflect", "try_reflect"),
    "variants are not there": ("parse_json", "is_valid_variant"),
}  # fmt: skip
PREFIXES = {
    "kll_": "sketches are not there", "hll_": "sketches are not there", "theta_": "sketches are not there",
    "tuple_": "sketches are not there", "count_min": "sketches are not there", "bitmap_": "bitmaps are not there",
    "xpath": "XML is not there", "st_": "geometry is not there", "time_": "the type TIME is not there",
    "vector_": "use springald.ml for vectors",
}  # fmt: skip
PARTS = {"variant": "variants are not there", "xml": "XML is not there", "_time": "", "aes_": "no encryption"}


def reason(name: str) -> str:
    """Why a function is not here, if there is more to say."""
    for text, names in REASONS.items():
        if name in names:
            return text
    for prefix, text in PREFIXES.items():
        if name.startswith(prefix):
            return text
    return next((text for part, text in PARTS.items() if part in name), "")


def names() -> list[str]:
    """PySpark's functions, without the classes that stand among them."""
    return sorted(
        name
        for name in theirs.__all__
        if not inspect.isclass(getattr(theirs, name)) and inspect.isfunction(getattr(theirs, name))
    )


def page() -> str:
    """The page in Markdown."""
    every = names()
    here = [name for name in every if name in ours.__all__]
    away = [name for name in every if name not in ours.__all__]
    lines = [
        "# Functions",
        "",
        f"Of the {len(every)} functions of `pyspark.sql.functions` in PySpark {pyspark.__version__}, "
        f"{len(here)} are in `springald.sql.functions`, with the same names, arguments and meaning. "
        "A test holds their results to PySpark's; `KNOWN` in `crates/python/tests/test_expressions.py` lists "
        "where they differ, and why. This page is written by `crates/python/tools/functions_table.py`.",
        "",
        "## Here",
        "",
        ", ".join(f"`{name}`" for name in here) + ".",
        "",
        "## Not here",
        "",
        "| function | why |",
        "|---|---|",
        *(f"| `{name}` | {reason(name)} |" for name in away),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Writes the page to the path that is given, or shows it."""
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(page(), encoding="utf-8")
    else:
        print(page())


if __name__ == "__main__":
    main()
