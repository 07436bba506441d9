"""The command line of the bench."""

from __future__ import annotations

import argparse
import dataclasses
import signal
import sys
from pathlib import Path

from compare import docs, engines, plots, report, workloads
from compare.engines import LABELS, Shape
from compare.places import cache
from compare.processes import Failed
from compare.results import Run
from compare.run import Plan, Runner, say
from compare.sizes import SIZES

SUITES = (*workloads.SUITES, *workloads.MEASURES)


def main() -> int:
    """Runs, reports, and says by its exit status whether all answers were the same."""
    options = _arguments()
    if options.report:
        run = Run.load(options.report / "run.json")
    else:
        plan = _plan(options)
        # Clusters are ended on the way out, whoever ends the run.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
        try:
            run = Runner(plan).run()
        except Failed as e:
            sys.exit(f"the run ended: {e}")
        run.left_out.update(options.left_out)
        run.save(plan.out / "run.json")
    out = options.report or options.out
    path = report.write(run, out)
    made = plots.write(run, out)
    if options.docs:
        docs.publish(run)
    print(path.read_text())
    say(f"{path}, {', '.join(plot.name for plot in made)}, receipts in {out / 'receipts'}")
    wrong = run.wrong()
    for row, outcome in wrong:
        why = outcome.error or "another answer than " + str(run.engines[run.reference]["label"])
        say(f"{row.title}: {run.engines[outcome.engine]['label']}: {why}")
        for line in outcome.differences:
            say(f"    {line}")
    return 1 if wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m compare", description="Springald and Spark side by side.")
    parser.add_argument("--size", choices=SIZES, default="small", help="how much data (small)")
    parser.add_argument(
        "--with", dest="more", type=_list, default=[], metavar="A,B", help=f"further engines: {_more()}"
    )
    parser.add_argument("--without", type=_list, default=[], metavar="A,B", help="engines to leave out, such as spark")
    parser.add_argument(
        "--only", type=_list, default=list(SUITES), metavar="A,B", help=f"only these: {', '.join(SUITES)}"
    )
    parser.add_argument(
        "--strings", choices=["utf8", "utf8view"], default="utf8", help="type of TPC-H's strings (utf8)"
    )
    parser.add_argument(
        "--compression",
        choices=["snappy", "zstd"],
        default="snappy",
        help="of TPC-H's and TPC-DS's files (snappy, which Spark writes)",
    )
    parser.add_argument("--rounds", type=int, help="turns after the first one (by size)")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cores", type=int, default=1, help="of each worker (1)")
    parser.add_argument("--memory", type=int, default=3, metavar="GIB", help="of each worker (3)")
    parser.add_argument("--limit", type=float, default=600, metavar="SECONDS", help="most that one turn may take (600)")
    parser.add_argument(
        "--conf", action="append", default=[], metavar="ENGINE:KEY=VALUE", help="a setting; may be repeated"
    )
    parser.add_argument("--out", type=Path, default=cache() / "compare" / "last", help="folder of report and receipts")
    parser.add_argument("--docs", action="store_true", help="put the report into docs/benchmarks.md")
    parser.add_argument(
        "--spoil", metavar="WORK", help="falsify one value of Springald's answer, to see that it is found"
    )
    parser.add_argument("--report", type=Path, metavar="FOLDER", help="run nothing, write the report of this run anew")
    options = parser.parse_args()
    unknown = [name for name in options.only if name not in SUITES]
    unknown += [name for name in [*options.more, *options.without] if name not in LABELS]
    if unknown:
        parser.error(f"{', '.join(unknown)}: no such suite or engine")
    options.left_out = {}
    options.out = options.out.absolute()
    return options


def _plan(options: argparse.Namespace) -> Plan:
    names = [name for name in dict.fromkeys(["springald", "spark", *options.more]) if name not in options.without]
    if not names:
        raise SystemExit("every engine is left out")
    for name in list(names):
        lacking = engines.missing(name)
        if lacking and name in ("springald", "spark"):
            raise SystemExit(f"{LABELS[name]} needs {lacking}; install it, or leave the engine out: --without {name}")
        if lacking:
            # One that is extra may be missing, and the report says so.
            options.left_out[LABELS[name]] = f"{lacking} is not installed"
            names.remove(name)
    settings: dict[str, dict[str, str]] = {}
    for text in options.conf:
        engine, _, pair = text.partition(":")
        key, is_pair, value = pair.partition("=")
        if engine not in LABELS or not is_pair:
            raise SystemExit(
                f"--conf {text}: write it as ENGINE:KEY=VALUE, such as spark:spark.sql.shuffle.partitions=8"
            )
        settings.setdefault(engine, {})[key] = value
    size = dataclasses.replace(SIZES[options.size], strings=options.strings, compression=options.compression)
    return Plan(
        size=size,
        shape=Shape(options.workers, options.cores, options.memory),
        engines=names,
        suites=options.only,
        rounds=options.rounds if options.rounds is not None else size.rounds,
        out=options.out,
        limit=options.limit,
        settings=settings,
        spoil=options.spoil,
    )


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _more() -> str:
    return ", ".join(name for name in LABELS if name not in ("springald", "spark"))


if __name__ == "__main__":
    sys.exit(main())
