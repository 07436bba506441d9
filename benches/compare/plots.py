"""The plots of a run, as PNG."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from compare.report import OURS, SUITE_TITLES, others, peaks, scaling_totals, summary_rows
from compare.results import Outcome, Run, ratios

# Colours that people who see few colours can tell apart.
COLOURS = {
    "springald": "#0072B2", "spark": "#D55E00", "duckdb": "#F0A500", "datafusion": "#009E73", "sail": "#CC79A7",
    "polars": "#56B4E9", "sklearn": "#555555", "springald-local": "#7FB8D8",
    "springald-watched": "#004A73", "springald-unrecorded": "#66A9D0",
}  # fmt: skip
ROLE_SHADES = {"master": 0.35, "client": 0.6, "workers": 1.0}
MIB = 1 << 20


def write(run: Run, folder: Path) -> list[Path]:
    """Writes the plots that the run has figures for."""
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "savefig.dpi": 130})
    made = []
    for name, draw in {"ratio": _ratio, "memory": _memory, "scaling": _scaling}.items():
        figure = draw(run)
        if figure is not None:
            path = folder / f"{name}.png"
            figure.savefig(path, bbox_inches="tight")
            plt.close(figure)
            made.append(path)
    return made


def _ratio(run: Run):
    """How many times as long others take, a panel for all work and one for each suite of queries."""
    if not others(run):
        return None
    queries = [
        (SUITE_TITLES[s], [(row.work.split(".")[1], row.outcomes) for row in run.suite(s)]) for s in SUITE_TITLES
    ]
    panels = [("all work", summary_rows(run)), *((title, rows) for title, rows in queries if rows)]
    panels = [(title, rows) for title, rows in panels if rows]
    if not panels:
        return None
    longest = max(len(rows) for _, rows in panels)
    figure, axes = plt.subplots(
        1, len(panels), figsize=(1.6 + 4.2 * len(panels), 1.6 + 0.27 * longest), sharex=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for axis, (title, rows) in zip(axes[0], panels, strict=True):
        _ratio_panel(run, axis, rows)
        axis.set_title(title, loc="left", fontsize=10)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False)
    figure.suptitle(
        "Time of others by Springald's; right of the line Springald is faster", x=0.01, ha="left", fontsize=11
    )
    return figure


def _ratio_panel(run: Run, axis: Axes, rows: list[tuple[str, dict[str, Outcome]]]) -> None:
    names = others(run)
    axis.axvline(1, color="#333333", linewidth=1)
    for name in names:
        axis.plot([], [], "o", color=COLOURS[name], label=run.engines[name]["label"])
    for place, (_, outcomes) in enumerate(rows):
        ours = outcomes.get(OURS)
        there = [name for name in names if name in outcomes and outcomes[name].median]
        if not ours or not ours.median:
            continue
        for at, name in enumerate(there):
            height = place + (at - (len(there) - 1) / 2) * 0.16
            spread = ratios(ours, outcomes[name])
            axis.plot([min(spread), max(spread)], [height] * 2, color=COLOURS[name], linewidth=2, alpha=0.5)
            axis.plot((outcomes[name].median or 0) / ours.median, height, "o", color=COLOURS[name], markersize=4.5)
    axis.set_xscale("log")
    axis.set_yticks(range(len(rows)), [title for title, _ in rows])
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x", which="major", color="#DDDDDD", linewidth=0.8)
    axis.set_axisbelow(True)


def _memory(run: Run):
    """Bars of MiB, shaded by role: at rest, and at the peak of each work."""
    bars = []
    for moment in ("before", "after"):
        rest = {name: moments[moment] for name, moments in run.rest.items() if moment in moments}
        bars.append((f"at rest, {moment}", {name: roles for name, roles in rest.items() if "master" in roles}))
    bars += [(title, {n: r for n, r in engines.items() if "master" in r}) for title, engines in peaks(run)]
    bars = [(title, engines) for title, engines in bars if engines]
    if not bars:
        return None
    names = [name for name in (OURS, *others(run)) if any(name in engines for _, engines in bars)]
    figure, axis = plt.subplots(figsize=(8.5, 1.4 + 0.3 * len(bars) * len(names)), layout="constrained")
    height = 0.8 / len(names)
    most = max(sum(roles.values()) for _, engines in bars for roles in engines.values()) / MIB
    for place, (_, engines) in enumerate(bars):
        for at, name in enumerate(names):
            left, y = 0.0, place + (at - (len(names) - 1) / 2) * height
            for role, shade in ROLE_SHADES.items():
                value = engines.get(name, {}).get(role, 0) / MIB
                axis.barh(y, value, height * 0.92, left, color=COLOURS[name], alpha=shade)
                left += value
            if left:
                axis.text(left + most * 0.01, y, f"{left:,.0f}", va="center", fontsize=8)
    for name in names:
        for role, shade in ROLE_SHADES.items():
            axis.barh(0, 0, color=COLOURS[name], alpha=shade, label=f"{run.engines[name]['label']}: {role}")
    axis.set_yticks(range(len(bars)), [title for title, _ in bars])
    axis.set_ylim(len(bars) - 0.5, -0.5)
    axis.set_xlim(0, most * 1.1)
    axis.set_xlabel("MiB; at rest with shared pages once, at work the highest sum of resident memory")
    axis.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def _scaling(run: Run):
    """Seconds by number of workers, and how many times as fast as one worker."""
    totals = scaling_totals(run)
    if not totals:
        return None
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    counts: list[int] = []
    for name in sorted(totals, key=lambda name: name != OURS):
        points = sorted((count, o) for count, o in totals[name].items() if o.median)
        counts = [count for count, _ in points]
        middles = [o.median or 0.0 for _, o in points]
        colour, label = COLOURS[name], run.engines[name]["label"]
        low = [m - min(o.seconds) for m, (_, o) in zip(middles, points, strict=True)]
        high = [max(o.seconds) - m for m, (_, o) in zip(middles, points, strict=True)]
        left.errorbar(counts, middles, yerr=[low, high], marker="o", capsize=3, color=colour, label=label)
        right.plot(counts, [middles[0] / m for m in middles], marker="o", color=colour, label=label)
    right.plot(
        counts, [c / counts[0] for c in counts], linestyle=":", color="#888888", label="as many times as workers"
    )
    left.set_ylim(bottom=0)
    left.set_ylabel("seconds")
    right.set_ylim(bottom=0)
    right.set_ylabel("times as fast as with one worker")
    for axis in (left, right):
        axis.set_xticks(counts)
        axis.set_xlabel(f"workers of {run.shape['cores']} core; the machine has {run.machine['cores']} cores")
        axis.grid(color="#EEEEEE")
        axis.legend(frameon=False)
    return figure
