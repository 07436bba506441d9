"""The process of a side: reads requests as lines of JSON from standard input and answers each with one.

    python -m compare.sides.serve springald '{"master": "springald://127.0.0.1:7077"}'

`{"do": "start"}`, `{"do": "run", "work": …, "given": …, "answer": FILE}`, `{"do": "plan", "tables": …, "sql": …}`,
`{"do": "stop"}`.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from compare import answers
from compare.sides.side import Side

SIDES = {
    "springald": ("spark_like", "Springald"),
    "spark": ("spark_like", "SparkLike"),
    "sail": ("spark_like", "Sail"),
    "duckdb": ("duckdb_side", "DuckDb"),
    "datafusion": ("datafusion_side", "DataFusion"),
    "polars": ("polars_side", "Polars"),
    "sklearn": ("sklearn_side", "Sklearn"),
}


def main() -> None:
    """Answers requests until standard input ends."""
    # What libraries print must not come between the answers.
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    module, name = SIDES[sys.argv[1]]
    side: Side = getattr(importlib.import_module(f"compare.sides.{module}"), name)(json.loads(sys.argv[2]))
    for line in sys.stdin:
        try:
            reply = _answer(side, json.loads(line))
        except BaseException as e:
            reply = {"error": f"{type(e).__name__}: {e}"[:2000]}
        replies.write(json.dumps(reply) + "\n")


def _answer(side: Side, request: dict[str, Any]) -> dict[str, Any]:
    match request["do"]:
        case "start":
            side.start()
            return {"version": side.version(), "can": list(side.can)}
        case "run":
            done = side.run(request["work"], request["given"])
            if done.answer is not None:
                answers.write(done.answer, Path(request["answer"]))
            return {"seconds": done.seconds, "notes": done.notes, "has_answer": done.answer is not None}
        case "plan":
            side.tables(request["tables"])
            return {"plan": side.plan(request["sql"])}
        case "stop":
            side.stop()
            return {}
    raise ValueError(f"no request {request['do']!r}")


if __name__ == "__main__":
    main()
