"""Plots of DataFrames through matplotlib. The engine aggregates or samples; only what is drawn comes here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from springald.errors import PySparkValueError
from springald.jupyter import _plot_data as data

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from springald.sql import DataFrame

__all__ = ["Plot"]

# What every plot takes beside its own keywords; the rest goes to matplotlib.
_COMMON = (
    "ax", "figsize", "title", "legend", "grid", "xlabel", "ylabel", "xlim", "ylim", "logx", "logy", "loglog", "rot",
    "colormap", "color",
)  # fmt: skip


class Plot:
    """The plots of a DataFrame, with the keywords of pandas; each gives matplotlib's Axes.

    Lines, areas and points are drawn for up to 5,000 rows, and for a sample of more; bars for the first 50 rows; pies
    for 12 slices. Histograms and boxes are computed by the engine from all rows. A note above the plot says what was
    left out.

    Keywords of all plots: `ax`, `figsize`, `title`, `legend`, `grid`, `xlabel`, `ylabel`, `xlim`, `ylim`, `logx`,
    `logy`, `loglog`, `rot`, `colormap`, `color`. Others go to matplotlib.
    """

    def __init__(self, df: DataFrame) -> None:
        self._df = df

    def __call__(self, kind: str = "line", **keywords: Any) -> Axes:
        """The plot of a kind: line, bar, barh, scatter, hist, box, area or pie.

        >>> import matplotlib; matplotlib.use("agg")
        >>> ax = spark.range(5).plot(kind="line", y="id", title="Five")
        >>> ax.get_title()
        'Five'
        """
        kinds = ("line", "bar", "barh", "scatter", "hist", "box", "area", "pie")
        if kind not in kinds:
            raise PySparkValueError(f"there is no kind of plot called `{kind}`", "there are " + ", ".join(kinds))
        axes: Axes = getattr(self, kind)(**keywords)
        return axes

    def line(self, x: str | None = None, y: str | Sequence[str] | None = None, **keywords: Any) -> Axes:
        """A line for each numeric column, over `x`, or over the number of the row.

        >>> ax = spark.range(5).plot.line(y="id")
        >>> len(ax.lines)
        1
        """
        sheet = _Sheet(keywords)
        over, series, rows = self._over(x, y)
        for i, name in enumerate(series):
            sheet.ax.plot(over, rows.columns[name], **sheet.style(i, series))
        return sheet.finished(rows.note, xlabel=x or "row", ylabel=_single(series), legend=len(series) > 1)

    def area(
        self, x: str | None = None, y: str | Sequence[str] | None = None, stacked: bool = True, **keywords: Any
    ) -> Axes:
        """The area below each numeric column, one on the other unless `stacked` is false.

        >>> ax = spark.range(5).plot.area(y="id")
        >>> len(ax.collections)
        1
        """
        sheet = _Sheet(keywords)
        over, series, rows = self._over(x, y)
        if stacked:
            colours = [sheet.colour(i, len(series)) for i in range(len(series))]
            sheet.ax.stackplot(
                over, *(rows.columns[name] for name in series), labels=series, colors=colours, **sheet.rest
            )
        else:
            for i, name in enumerate(series):
                sheet.ax.fill_between(over, rows.columns[name], **{"alpha": 0.5, **sheet.style(i, series)})
        return sheet.finished(rows.note, xlabel=x or "row", ylabel=_single(series), legend=len(series) > 1)

    def bar(
        self, x: str | None = None, y: str | Sequence[str] | None = None, stacked: bool = False, **keywords: Any
    ) -> Axes:
        """A bar for each row: aggregate first, and sort.

        >>> df = spark.createDataFrame([("a", 3), ("b", 5)], ["letter", "n"])
        >>> [int(bar.get_height()) for bar in df.plot.bar(x="letter", y="n").patches]
        [3, 5]
        """
        return self._bars(x, y, stacked, keywords, upright=True)

    def barh(
        self, x: str | None = None, y: str | Sequence[str] | None = None, stacked: bool = False, **keywords: Any
    ) -> Axes:
        """Like `bar`, with bars that lie; the first row is on top.

        >>> df = spark.createDataFrame([("a", 3), ("b", 5)], ["letter", "n"])
        >>> [int(bar.get_width()) for bar in df.plot.barh(x="letter", y="n").patches]
        [3, 5]
        """
        return self._bars(x, y, stacked, keywords, upright=False)

    def scatter(self, x: str, y: str, s: Any = None, c: Any = None, **keywords: Any) -> Axes:
        """A point for each row.

        Args:
            x: A numeric column.
            y: Another.
            s: The size of points, or a column that tells it.
            c: A colour, or a column that tells it.
            keywords: Those of all plots, and of matplotlib's `scatter`.

        >>> df = spark.createDataFrame([(1.0, 2.0, "u"), (2.0, 1.0, "v")], ["a", "b", "group"])
        >>> ax = df.plot.scatter(x="a", y="b", c="group")
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['u', 'v']
        """
        sheet = _Sheet(keywords)
        x, y = data.numbers(self._df, [x, y])
        names = list(self._df.columns)
        by, sizes = (value if isinstance(value, str) and value in names else None for value in (c, s))
        rows = data.points(self._df, [name for name in (x, y, by, sizes) if name])
        style: dict[str, Any] = {"alpha": 0.8, **sheet.rest}
        size: Any = rows.columns[sizes] if sizes else s if s is not None else (18 if len(rows) < 1000 else 6)
        xs, ys = rows.columns[x], rows.columns[y]
        groups = _groups(rows.columns[by]) if by else None
        if groups is not None:
            for i, (label, places) in enumerate(groups.items()):
                some = [size[j] for j in places] if sizes else size
                style |= {"color": sheet.colour(i, len(groups))}
                sheet.ax.scatter([xs[j] for j in places], [ys[j] for j in places], s=some, label=label, **style)
            return sheet.finished(rows.note, xlabel=x, ylabel=y, legend=True, legend_title=by)
        colours = rows.columns[by] if by else c if c is not None else sheet.colour(0, 1)
        drawn = sheet.ax.scatter(xs, ys, s=size, c=colours, cmap=sheet.common["colormap"] if by else None, **style)
        if by:
            sheet.ax.figure.colorbar(drawn, ax=sheet.ax, label=by)
        return sheet.finished(rows.note, xlabel=x, ylabel=y)

    def hist(
        self,
        y: str | Sequence[str] | None = None,
        bins: int | Sequence[float] = 10,
        range: tuple[float, float] | None = None,
        column: str | Sequence[str] | None = None,
        **keywords: Any,
    ) -> Axes:
        """How often values occur, in `bins` between the least and the greatest, counted by the engine.

        Args:
            y: The columns, by default all numeric ones; `column` means the same.
            bins: Their number, or their edges.
            range: The least and the greatest value counted.
            column: See `y`.
            keywords: Those of all plots, and of matplotlib's `hist`, such as `density` or `cumulative`.

        >>> ax = spark.range(100).plot.hist(y="id", bins=4)
        >>> [int(bar.get_height()) for bar in ax.patches]
        [25, 25, 25, 25]
        """
        sheet = _Sheet(keywords)
        series = data.numbers(self._df, y if y is not None else column)
        edges = data.bin_edges(self._df, series, bins, range)
        for i, name in enumerate(series):
            counts = data.bin_counts(self._df, name, edges)
            style = {"alpha": 0.6 if len(series) > 1 else 1.0, **sheet.style(i, series)}
            sheet.ax.hist(edges[:-1], bins=edges, weights=counts, **style)
        count = "density" if sheet.rest.get("density") else "rows"
        return sheet.finished(None, xlabel=_single(series), ylabel=count, legend=len(series) > 1)

    def box(
        self, y: str | Sequence[str] | None = None, column: str | Sequence[str] | None = None, **keywords: Any
    ) -> Axes:
        """Median, quartiles and outliers of each numeric column; the quartiles are approximate.

        >>> ax = spark.range(101).plot.box(y="id")
        >>> [label.get_text() for label in ax.get_xticklabels()]
        ['id']
        """
        sheet = _Sheet(keywords)
        series = data.numbers(self._df, y if y is not None else column)
        boxes = [data.box(self._df, name) for name in series]
        sheet.ax.bxp([vars(box) for box in boxes], **sheet.rest)
        full = any(len(box.fliers) == data.MOST_OUTLIERS for box in boxes)
        return sheet.finished(f"at most {data.MOST_OUTLIERS} outliers of a column" if full else None)

    def pie(self, y: str | None = None, x: str | None = None, labels: str | None = None, **keywords: Any) -> Axes:
        """The shares of a numeric column, one for each row, called by the column `x` (or `labels`).

        >>> df = spark.createDataFrame([("a", 3), ("b", 5)], ["letter", "n"])
        >>> [text.get_text() for text in df.plot.pie(x="letter", y="n").texts]
        ['a', 'b']
        """
        sheet = _Sheet(keywords)
        name = x if x is not None else labels
        label = None if name is None else data.known(self._df, name)
        value = data.numbers(self._df, y, but=[label])[0]
        rows = data.slices(self._df, label, value)
        style: dict[str, Any] = {"startangle": 90, "counterclock": False, **sheet.rest}
        sheet.ax.pie(
            rows.columns[value], labels=None if label is None else list(map(str, rows.columns[label])), **style
        )
        return sheet.finished(rows.note, ylabel=value)

    def _over(self, x: str | None, y: str | Sequence[str] | None) -> tuple[Any, list[str], data.Rows]:
        """The values of the horizontal axis, the columns to draw, and all their rows."""
        over = None if x is None else data.known(self._df, x)
        series = data.numbers(self._df, y, but=[over])
        rows = data.points(self._df, [*series, *([over] if over else [])])
        if over is None:
            return list(range(len(rows))), series, rows
        rows = data.ordered(rows, over)
        return rows.columns[over], series, rows

    def _bars(
        self, x: str | None, y: str | Sequence[str] | None, stacked: bool, keywords: dict[str, Any], upright: bool
    ) -> Axes:
        sheet = _Sheet(keywords)
        over = None if x is None else data.known(self._df, x)
        series = data.numbers(self._df, y, but=[over])
        rows = data.first(self._df, [*([over] if over else []), *series], data.MOST_BARS)
        places = range(len(rows))
        labels = [str(value) for value in (rows.columns[over] if over else places)]
        width = float(sheet.rest.pop("width", 0.8)) / (1 if stacked else len(series))
        bottom = [0.0] * len(rows)
        for i, name in enumerate(series):
            values = rows.columns[name]
            offset = 0.0 if stacked else width * (i - (len(series) - 1) / 2)
            at = [place + offset for place in places]
            style = sheet.style(i, series)
            if upright:
                sheet.ax.bar(at, values, width, bottom=bottom if stacked else None, **style)
            else:
                sheet.ax.barh(at, values, width, left=bottom if stacked else None, **style)
            bottom = [below + value for below, value in zip(bottom, values, strict=True)]
        value = _single(series)
        if upright:
            sheet.ax.set_xticks(list(places), labels)
            if sheet.common["rot"] is None and sum(map(len, labels)) > 60:
                sheet.common["rot"] = 90 if len(labels) > 20 else 45
            return sheet.finished(rows.note, xlabel=x, ylabel=value, legend=len(series) > 1)
        sheet.ax.set_yticks(list(places), labels)
        sheet.ax.invert_yaxis()
        return sheet.finished(rows.note, xlabel=value, ylabel=x, legend=len(series) > 1)


class _Sheet:
    """The Axes to draw on, and the keywords that every plot takes."""

    def __init__(self, keywords: dict[str, Any]) -> None:
        try:
            import matplotlib.pyplot as plt
        except ImportError:
            raise ImportError("plots need matplotlib, which is not there: pip install matplotlib") from None
        self.common = {key: keywords.pop(key, None) for key in _COMMON}
        self.rest = keywords
        ax = self.common["ax"]
        self.ax: Axes = ax if ax is not None else plt.subplots(figsize=self.common["figsize"])[1]

    def colour(self, index: int, count: int) -> Any:
        """The colour of one of `count` series."""
        import matplotlib

        colour, colormap = self.common["color"], self.common["colormap"]
        if isinstance(colour, (list, tuple)) and colour and not isinstance(colour[0], (int, float)):
            return colour[index % len(colour)]
        if colour is not None:
            return colour
        if colormap is not None:
            return matplotlib.colormaps.get_cmap(colormap)(index / max(1, count - 1))
        return f"C{index}"

    def style(self, index: int, series: Sequence[str]) -> dict[str, Any]:
        """Keywords for matplotlib, with label and colour of one of the series."""
        return {"label": series[index], "color": self.colour(index, len(series)), **self.rest}

    def finished(
        self,
        note: str | None,
        xlabel: str | None = None,
        ylabel: str | None = None,
        legend: bool = False,
        legend_title: str | None = None,
    ) -> Axes:
        """The Axes with labels, legend and note."""
        ax, common = self.ax, self.common
        if xlabel := common["xlabel"] or xlabel:
            ax.set_xlabel(xlabel)
        if ylabel := common["ylabel"] or ylabel:
            ax.set_ylabel(ylabel)
        if common["title"]:
            # The note has the line below it.
            ax.set_title(common["title"], pad=16 if note else None)
        if common["logx"] or common["loglog"]:
            ax.set_xscale("log")
        if common["logy"] or common["loglog"]:
            ax.set_yscale("log")
        if common["xlim"] is not None:
            ax.set_xlim(common["xlim"])
        if common["ylim"] is not None:
            ax.set_ylim(common["ylim"])
        if common["grid"] is not None:
            ax.grid(common["grid"])
        _short_dates(ax)
        if rot := common["rot"]:
            ax.tick_params(axis="x", labelrotation=rot)
            if rot < 90:
                for label in ax.get_xticklabels():
                    label.set_horizontalalignment("right")
                    label.set_rotation_mode("anchor")
        if legend if common["legend"] is None else common["legend"]:
            # Points leave no corner free.
            beside: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1, 1), "markerscale": 1.5}
            ax.legend(title=legend_title, **(beside if legend_title else {}))
        if note:
            ax.annotate(
                note, (1, 1), xytext=(0, 3), xycoords="axes fraction", textcoords="offset points", ha="right",
                va="bottom", fontsize="x-small", color="gray", annotation_clip=False,
            )  # fmt: skip
        return ax


def _short_dates(ax: Axes) -> None:
    """Dates on the horizontal axis without what they have in common."""
    from matplotlib.dates import AutoDateFormatter, ConciseDateFormatter

    if isinstance(ax.xaxis.get_major_formatter(), AutoDateFormatter):
        ax.xaxis.set_major_formatter(ConciseDateFormatter(ax.xaxis.get_major_locator()))  # type: ignore[no-untyped-call]


def _single(series: Sequence[str]) -> str | None:
    return series[0] if len(series) == 1 else None


def _groups(values: Sequence[Any]) -> dict[str, list[int]] | None:
    """The places of each value, if they are texts or a few whole numbers, so that each has a colour of its own."""
    distinct = set(values)
    if not all(isinstance(value, (str, int)) for value in distinct) or len(distinct) > 20:
        return None
    if len(distinct) > 10 and not all(isinstance(value, str) for value in distinct):
        return None
    groups: dict[str, list[int]] = {str(value): [] for value in sorted(distinct)}
    for place, value in enumerate(values):
        groups[str(value)].append(place)
    return groups
