"""The report of a run as Markdown.

Springald's figures are rounded up, others' and all ratios down: never in our favour.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from compare.results import Outcome, Run, ratios, total

OURS = "springald"
SUITE_TITLES = {"tpch": "TPC-H", "tpcds": "TPC-DS"}


def markdown(run: Run, level: int = 1, images: str = "") -> str:
    """The report; `level` is that of its first heading, `images` the folder of the plots as links name it."""
    head = "#" * level
    sections = [
        f"{head} Springald beside {_names(run, others(run))}\n\n{_setting(run)}",
        _summary(run),
        _losses(run),
        *(_queries(run, suite) for suite in SUITE_TITLES),
        _starts(run),
        _memory(run),
        _scaling(run),
        _answers(run),
        _settings(run),
    ]
    body = "\n\n".join(section for section in sections if section)
    body = body.replace("\n## ", f"\n{head}# ")
    for name in ("ratio", "memory", "scaling"):
        link = f"![{name}]({images}{name}.png)\n\n" if images else ""
        body = body.replace(f"{{{{{name}}}}}\n", link)
    return body + "\n"


def others(run: Run) -> list[str]:
    """The engines but ours, Spark first."""
    return sorted((name for name in run.engines if name != OURS), key=lambda name: name != "spark")


def summary_rows(run: Run) -> list[tuple[str, dict[str, Outcome]]]:
    """One row for each suite of queries and each other work, with the outcomes of all engines."""
    rows: list[tuple[str, dict[str, Outcome]]] = []
    for suite, title in SUITE_TITLES.items():
        queries = run.suite(suite)
        if queries:
            totals = {name: total(queries, name) for name in run.engines}
            there = {name: outcome for name, outcome in totals.items() if outcome is not None}
            rows.append((f"{title}, {len(queries)} queries", there))
    rows += [(row.title, row.outcomes) for row in run.rows if row.suite not in SUITE_TITLES]
    return rows


def seconds(value: float | None, ours: bool) -> str:
    """Three digits, rounded up for us and down for others.

    >>> seconds(1.2341, True), seconds(1.2349, False), seconds(0.0061234, True), seconds(None, True)
    ('1.24 s', '1.23 s', '6.13 ms', '–')
    """
    if value is None:
        return "–"
    if value < 0.1:
        return f"{_digits(value * 1000, ours)} ms"
    return f"{_digits(value, ours)} s"


def times(value: float) -> str:
    """A ratio of two digits or more, rounded down.

    >>> times(28.97), times(9.99), times(0.876)
    ('28', '9.9', '0.87')
    """
    places = 0 if value >= 10 else 1 if value >= 1 else 2
    scale = 10**places
    return f"{math.floor(round(value * scale, 9)) / scale:.{places}f}"


def mebibytes(value: int | None, ours: bool) -> str:
    """Whole MiB, rounded up for us and down for others."""
    return "–" if value is None else f"{(math.ceil if ours else math.floor)(value / (1 << 20)):,}"


def _digits(value: float, up: bool) -> str:
    places = max(0, 2 - math.floor(math.log10(value))) if value > 0 else 2
    scale = 10**places
    return f"{(math.ceil if up else math.floor)(round(value * scale, 9)) / scale:,.{places}f}"


def _setting(run: Run) -> str:
    machine, shape = run.machine, run.shape
    versions = ", ".join(f"{run.engines[name]['label']} {run.engines[name]['version']}" for name in run.engines)
    clusters = (
        f"{shape['workers']} workers of {shape['cores']} core{'s' * (shape['cores'] > 1)} and {shape['memory']} GiB"
    )
    cores = shape["workers"] * shape["cores"]
    return (
        f"{machine['date']}, commit {machine['commit']}, size `{run.size}`: TPC-H SF {run.sizes['tpch']} (strings "
        f"`{run.sizes['strings']}`) and TPC-DS SF {run.sizes['tpcds']} in Parquet with "
        f"{run.sizes['compression'].capitalize()}, {run.sizes['text']} of text, "
        f"{run.sizes['rows']:,} rows of numbers, two logs of {run.sizes['log_rows']:,} lines.\n\n"
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}; "
        f"{machine['java']}; Python {machine['python']}; load before the run {machine['load_before']}.\n\n"
        f"{versions}. Clusters: a master and {clusters}, all on this machine; engines of one process have {cores} "
        "threads. All are up all the time, and take turns at each piece of work, in alternating order. Seconds are "
        f"medians of {run.rounds} turns after a first one, inside a session that is there, from the call to the rows "
        "in the client; files are read each time, from a warm page cache. A ratio is the other engine's median by "
        "Springald's; in brackets the lowest and the highest of turns side by side. Springald's figures are rounded "
        "up, others' and ratios down."
    )


def _summary(run: Run) -> str:
    names = others(run)
    head = ["work", "Springald"]
    for name in names:
        head += [str(run.engines[name]["label"]), "ratio"]
    head += ["first turns", "answers"]
    lines = [
        [title, *_compared(outcomes, names), _firsts(run, outcomes), _verdicts(run, outcomes)]
        for title, outcomes in summary_rows(run)
    ]
    return "## All work\n{{ratio}}\n" + _table(head, lines)


def _queries(run: Run, suite: str) -> str:
    rows = run.suite(suite)
    if not rows:
        return ""
    names = [name for name in others(run) if any(name in row.outcomes for row in rows)]
    head = ["query", "Springald"]
    for name in names:
        head += [str(run.engines[name]["label"]), "ratio"]
    lines = [[row.work.split(".")[1], *_compared(row.outcomes, names), _verdicts(run, row.outcomes)] for row in rows]
    return f"## {SUITE_TITLES[suite]} by query\n" + _table([*head, "answers"], lines)


def _compared(outcomes: dict[str, Outcome], names: Iterable[str]) -> list[str]:
    ours = outcomes.get(OURS)
    cells = [seconds(ours.median if ours else None, True)]
    for name in names:
        theirs = outcomes.get(name)
        cells += [seconds(theirs.median if theirs else None, False), _ratio(ours, theirs)]
    return cells


def _ratio(ours: Outcome | None, theirs: Outcome | None) -> str:
    if ours is None or theirs is None or ours.median is None or theirs.median is None:
        return "–"
    spread = ratios(ours, theirs)
    middle = times(theirs.median / ours.median)
    return middle if len(spread) < 2 else f"{middle} ({times(min(spread))} to {times(max(spread))})"


def _firsts(run: Run, outcomes: dict[str, Outcome]) -> str:
    cells = [
        seconds(outcome.first.seconds, name == OURS)
        for name in (OURS, "spark")
        if (outcome := outcomes.get(name)) and outcome.first
    ]
    return ", ".join(cells)


def _verdicts(run: Run, outcomes: dict[str, Outcome]) -> str:
    failed = [f"{run.engines[o.engine]['label']} failed" for o in outcomes.values() if o.error]
    different = [f"**{run.engines[o.engine]['label']} DIFFERENT**" for o in outcomes.values() if o.same is False]
    if failed or different:
        return ", ".join(different + failed)
    compared = [o for o in outcomes.values() if o.same]
    if not compared:
        return "not compared"
    ours = outcomes.get(OURS)
    detail = ours.how if ours and ours.same and ours.how else compared[0].how
    if compared[0].rows == 0:
        detail = "both have no rows at this size"
    return f"same answer ({detail})" if detail else "same answer"


def _losses(run: Run) -> str:
    if OURS not in run.engines:
        return ""
    lines = []
    for name in others(run):
        slower = []
        for title, outcomes in _everything(run):
            ours, theirs = outcomes.get(OURS), outcomes.get(name)
            if ours and theirs and ours.median and theirs.median and theirs.median < ours.median:
                slower.append((ours.median / theirs.median, title, ours.median, theirs.median))
        slower.sort(reverse=True)
        label = run.engines[name]["label"]
        if slower:
            shown = "; ".join(f"{t} {seconds(a, True)} against {seconds(b, False)}" for _, t, a, b in slower)
            lines.append(f"- {label} is faster in {len(slower)}: {shown}.")
        else:
            lines.append(f"- {label} is faster in nothing that was measured here.")
    return "## Where Springald is slower\n" + "\n".join(lines) if lines else ""


def _everything(run: Run) -> list[tuple[str, dict[str, Outcome]]]:
    suites = [entry for entry in summary_rows(run) if entry[0] not in {row.title for row in run.rows}]
    return [*suites, *((row.title, row.outcomes) for row in run.rows)]


def _starts(run: Run) -> str:
    if not any(len(starts["session"]) > 1 for starts in run.starts.values()):
        return ""
    lines = []
    for name, starts in run.starts.items():
        ours = name == OURS
        cluster = "–" if starts["cluster"][0] < 0.01 else seconds(starts["cluster"][0], ours)
        cells = [seconds(value, ours) for value in starts["session"]]
        lines.append([str(run.engines[name]["label"]), cluster, cells[0], ", ".join(cells[1:])])
    head = ["engine", "cluster up", "first session", "further sessions"]
    return (
        "## Start of a session\nFrom the start of the client's process to the answer of `SELECT 1`; the cluster from "
        "its start until all workers are there.\n\n" + _table(head, lines)
    )


def _memory(run: Run) -> str:
    clusters = [name for name in run.engines if "master" in _roles(run, name)]
    if not clusters:
        return ""
    lines = []
    for moment, title in (("before", "at rest, before all work"), ("after", "at rest, after all work")):
        for name in clusters:
            roles = run.rest.get(name, {}).get(moment)
            if roles:
                lines.append([title, str(run.engines[name]["label"]), *_by_role(roles, name == OURS)])
    for title, outcomes in peaks(run):
        for name in clusters:
            peak = outcomes.get(name)
            if peak:
                lines.append([f"peak, {title}", str(run.engines[name]["label"]), *_by_role(peak, name == OURS)])
    if not lines:
        return ""
    return (
        "## Memory\nMiB. At rest, pages that processes share are counted once; peaks are sums of resident memory, read "
        "ten times a second, which count such pages for each process. Spark's workers include their executors.\n\n"
        "{{memory}}\n" + _table(["", "engine", "master", "workers", "client", "all"], lines)
    )


def _roles(run: Run, name: str) -> set[str]:
    found = {role for roles in run.rest.get(name, {}).values() for role in roles}
    for row in run.rows:
        outcome = row.outcomes.get(name)
        for turn in (outcome.first, *outcome.turns) if outcome else ():
            found |= set(turn.peak or {}) if turn else set()
    return found


def peaks(run: Run) -> list[tuple[str, dict[str, dict[str, int]]]]:
    """By suite and work: what each engine took at its peak, by role."""
    entries = []
    for title, outcomes in summary_rows(run):
        highest: dict[str, dict[str, int]] = {}
        for name, outcome in outcomes.items():
            found = [turn.peak for turn in (outcome.first, *outcome.turns) if turn and turn.peak]
            if found:
                highest[name] = max(found, key=lambda peak: sum(peak.values()))
        entries.append((title, highest))
    return entries


def _by_role(roles: dict[str, int], ours: bool) -> list[str]:
    cells = [mebibytes(roles.get(role), ours) for role in ("master", "workers", "client")]
    return [*cells, mebibytes(sum(roles.values()), ours)]


def scaling_totals(run: Run) -> dict[str, dict[int, Outcome]]:
    """By engine and number of workers: all works of the scaling part as one."""
    found: dict[str, dict[int, Outcome]] = {}
    for workers, rows in run.scaling.items():
        for name in {name for row in rows for name in row.outcomes}:
            outcome = total(rows, name)
            if outcome is not None:
                found.setdefault(name, {})[int(workers)] = outcome
    return found


def _scaling(run: Run) -> str:
    totals = scaling_totals(run)
    if not totals:
        return ""
    first = next(iter(run.scaling.values()))
    counts = [int(workers) for workers in run.scaling]
    lines = []
    for name in sorted(totals, key=lambda name: name != OURS):
        by_workers = totals[name]
        base = by_workers.get(counts[0])
        cells = []
        for count in counts:
            outcome = by_workers.get(count)
            cell = seconds(outcome.median if outcome else None, name == OURS)
            if outcome and base and count != counts[0] and outcome.median and base.median:
                cell += f" ({times(base.median / outcome.median)}×)"
            cells.append(cell)
        lines.append([str(run.engines[name]["label"]), *cells])
    what = ", ".join(row.title for row in first)
    more = max(counts) * run.shape["cores"]
    note = (
        f" This machine has {run.machine['cores']} cores for the {more} of the largest."
        if more > run.machine["cores"]
        else ""
    )
    return f"## Scaling\n{what} together, with clusters of so many workers.{note}\n\n{{{{scaling}}}}\n" + _table(
        ["engine", *(f"{count} worker{'s' * (count > 1)}" for count in counts)], lines
    )


def _answers(run: Run) -> str:
    reference = run.engines[run.reference]["label"]
    lines = [
        f"Each answer of each turn is compared with {reference}'s, value by value: rows in any order; whole numbers, "
        "decimals, texts and dates exactly; floats within the tolerance shown, relative to the value; quotients of "
        "decimals, whose scale differs between engines, to the shorter scale; k-means by its cost."
    ]
    wrong = run.wrong()
    lines += [
        f"- {row.title}, {run.engines[o.engine]['label']}: {o.error or 'different'}" + _shown(o) for row, o in wrong
    ]
    compared = [o for row in run.rows for o in row.outcomes.values() if o.same is not None]
    if not compared:
        lines.append("Only one engine answered: nothing was compared.")
    elif not wrong:
        lines.append("All were the same.")
    lines += [f"- Left out: {name}: {why}" for name, why in run.left_out.items()]
    notes = [
        f"- {row.title}, {run.engines[name]['label']}: "
        + ", ".join(f"{value} {key}" for key, value in outcome.notes.items())
        for row in run.rows
        for name, outcome in row.outcomes.items()
        if outcome.notes
    ]
    return "## Answers\n" + "\n\n".join([lines[0], "\n".join(lines[1:]), "\n".join(notes)]).strip()


def _shown(outcome: Outcome) -> str:
    return "".join(f"\n  - {line}" for line in outcome.differences)


def _settings(run: Run) -> str:
    lines = []
    for engine in run.engines.values():
        settings = ", ".join(f"`{key}={value}`" for key, value in engine["settings"].items())
        lines.append(f"- {engine['label']} {engine['version']}: {settings or 'as released'}")
    return "## Settings\nAll else is as released.\n\n" + "\n".join(lines)


def _names(run: Run, names: Sequence[str]) -> str:
    labels = [str(run.engines[name]["label"]) for name in names]
    return " and ".join(filter(None, [", ".join(labels[:-1]), labels[-1]])) if labels else "nothing"


def _table(head: list[str], lines: list[list[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def write(run: Run, folder: Path) -> Path:
    """Writes `report.md`, beside which the plots lie."""
    path = folder / "report.md"
    path.write_text(markdown(run, images="./"))
    return path
