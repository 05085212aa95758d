"""A payee waits for the slowest day of a route, at some place and for some reason, not for the mean."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.ticker import NullLocator

from sim.core.causes import REASONS
from sim.core.clock import DAY, HOUR, MINUTE
from sim.show.frame import figure, heading, headline, nothing, panels
from sim.show.palette import INK, QUIET, SHAPE, dress
from sim.show.palette import REASONS as COLOURS
from sim.show.words import bounded, duration, lateness, percent, place, spelt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from sim.results.results import Results

    Floats = NDArray[np.float64]

#: Characters of a line across the figure.
_LINE: Final = 120
#: Bins of the distribution per factor of ten in time.
_BINS: Final = 14
#: A distribution stands so far below the middle of its row, and is at most so high.
_BASE: Final = 0.34
_TALLEST: Final = 0.62
#: Rows that a panel has room for at least, lest the bars of one route fill it.
_FEWEST_ROWS: Final = 3
#: How much higher a row with a distribution is than one of a place.
_TALLER: Final = 2.2

_MARKS: Final = {"p50": ("median", "solid"), "p95": ("95th percentile", (0, (2, 1.2)))}

_TICKS: Final = {
    10 / HOUR: "10 s",
    MINUTE / HOUR: "1 min",
    10 * MINUTE / HOUR: "10 min",
    1: "1 h",
    4: "4 h",
    DAY / HOUR: "1 d",
    3 * DAY / HOUR: "3 d",
    10 * DAY / HOUR: "10 d",
    30 * DAY / HOUR: "30 d",
    90 * DAY / HOUR: "90 d",
    365 * DAY / HOUR: "1 yr",
}


@figure(width=9.6, height=10.6)
def delay(results: Results, ax: Axes) -> None:
    """How long payments take from instruction to credit, where they are meanwhile, and why.

    Payments due in the period. Above a row per route: the distribution in hours, its area the share credited, and
    beside it the mean hours by reason. The median and the 95th percentile are those of the measures, which count a
    payment that was not credited with the time until the end; numbers that could be larger have a ≥. Below a row per
    place with the mean hours of all payments there by reason (`delay_matrix`). A line at the top tells how late payees
    are (`lateness`), and why.
    """
    payments = results.payments[results.payments["counted"]]
    groups = {str(route): group for route, group in payments.groupby("route", observed=True)}
    profiles = results.measures["delay_by_route"].value
    most = results.measures["delay_at_most_by_route"].value
    matrix = results.measures["delay_matrix"].value
    routes = [route for route in profiles if route in groups]
    # A row of places needs less room than one with a distribution.
    rows = [max(len(routes), _FEWEST_ROWS), max(len(matrix), _FEWEST_ROWS)]
    above, places = panels(ax, 2, 1, height_ratios=[rows[0] * _TALLER, rows[1]], hspace=0.03)
    left, right = panels(above, 1, 2, width_ratios=[1.2, 1.0], wspace=0.03)
    late = wrap(lateness(results), _LINE)
    headline(left, f"Clearing delay from instruction to credit: {results.scenario.name}", lines=1 + len(late))
    _tell_above(left, late)
    heading(left, "How long: distribution over payments")
    heading(right, "Why: mean of each route by reason")
    heading(places, "Where and why: mean of all payments by place and reason")
    left.set_xlabel("delay in hours (h) and days (d), logarithmic scale")
    left.set_ylabel("route, number of payments")
    left.spines["left"].set_visible(False)
    for panel in (right, places):
        panel.set_xlabel("mean delay, hours per payment")
    for panel, count in ((left, rows[0]), (right, rows[0]), (places, rows[1])):
        dress(panel, grid="x")
        panel.set_ylim(count - 0.5, -0.75)
        panel.set_yticks([])
    if not routes:
        for panel in (left, right, places):
            nothing(panel, "no payments fell due")
            panel.set_xticks([])
        return
    left.set_yticks(range(len(routes)), labels=[_row_name(route, groups[route]) for route in routes])
    _draw_distributions(left, [(groups[route], profiles[route], most[route]) for route in routes])
    draw_reasons(
        right, _by_route(results, payments, routes), [most[route]["mean"] is None for route in routes]
    )
    places.set_yticks(range(len(matrix)), labels=[place(key) for key in matrix])
    # What is not credited may spend more time wherever it has not been yet.
    open_ended = results.measures["delay_at_most"].value["mean"] is None
    explain(places, draw_reasons(places, list(matrix.values()), [open_ended] * len(matrix)))


def _tell_above(ax: Axes, lines: list[str]) -> None:
    """Write lines between the title of the figure and the heading of its first panel, as wide as the figure."""
    ax.annotate(
        "\n".join(lines),
        (0, 1),
        xytext=(0, 22),
        xycoords="axes fraction",
        textcoords="offset points",
        color=QUIET,
        va="bottom",
        fontsize=8.5,
        # The title keeps the room for it, and the panel may be narrower than the line is long.
        in_layout=False,
    )


def _by_route(results: Results, payments: pd.DataFrame, routes: list[str]) -> list[dict[str, float]]:
    """Mean hours by reason of the payments of each route."""
    columns = [f"{reason}_seconds" for reason in REASONS]
    route = payments.set_index("payment_id")["route"].astype(str)
    of = results["steps"]["payment_id"].map(route)
    total = results["steps"][columns].groupby(of.to_numpy()).sum().reindex(routes, fill_value=0)
    mean = total.div(route.value_counts().reindex(routes), axis=0) / HOUR
    return [dict(zip(REASONS, row, strict=True)) for row in mean.to_numpy().tolist()]


def _draw_distributions(
    ax: Axes, rows: list[tuple[pd.DataFrame, dict[str, float], dict[str, float | None]]]
) -> None:
    """Draw for each row its payments, with the percentiles told of them and what these may be at most."""
    hours = [_hours(group) for group, *_ in rows]
    edges = _edges(np.concatenate([*hours, [profile[key] for _, profile, _ in rows for key in _MARKS]]))
    shares = [np.histogram(h, edges)[0] / len(group) for h, (group, *_) in zip(hours, rows, strict=True)]
    highest = max(share.max() for share in shares) or 1.0
    for row, (_, profile, most) in enumerate(rows):
        base = row + _BASE
        bins = base - shares[row] * _TALLEST / highest
        ax.stairs(bins, edges, baseline=base, fill=True, color=SHAPE, linewidth=0)
        for key, (name, style) in _MARKS.items():
            # Below the smallest bin there is only a delay of nothing, which a logarithm does not show.
            at = max(profile[key], edges[0])
            ax.plot([at, at], [base, base - _TALLEST], color=INK, linewidth=1.4, linestyle=style, label=name)
            told = bounded(profile[key], most[key], duration)
            _note(ax, told, (at, base - _TALLEST), (0, 1.5), ha="center", va="bottom")
    ax.set_xscale("log")
    ax.set_xlim(edges[0], edges[-1])
    ticks = {at: text for at, text in _TICKS.items() if edges[0] <= at <= edges[-1]}
    ax.set_xticks(list(ticks), labels=list(ticks.values()))
    ax.xaxis.set_minor_locator(NullLocator())
    explain(ax, ax.get_lines()[: len(_MARKS)], below=0.13)


def draw_reasons(
    ax: Axes, rows: Sequence[Mapping[str, float]], at_least: Sequence[bool] | None = None
) -> list[Any]:
    """Draw a bar for each row of hours by reason, with their sum; returns one of each reason that occurs.

    `at_least` are the rows whose sum may be larger; none by default.
    """
    ends = np.zeros(len(rows))
    bars: list[Any] = []
    for reason, words in REASONS.items():
        hours = np.array([row.get(reason, 0.0) for row in rows])
        if hours.any():
            numbers = range(len(rows))
            bars.append(
                ax.barh(numbers, hours, 0.56, ends, color=COLOURS[reason], ec="white", lw=0.5, label=words)
            )
            ends = ends + hours
    for row, end in enumerate(ends):
        sign = "≥ " if at_least is not None and at_least[row] else ""
        told = duration(end) if end < 1 else f"{end:.1f} h"
        _note(ax, sign + told, (end, row), (4, 0), ha="left", va="center")
    ax.set_xlim(0, max(ends.max(initial=0.0) * 1.17, 0.1))
    return bars


def _edges(hours: Floats) -> Floats:
    """Bin limits, equally wide as factors, around all delays of a second or more."""
    seen = np.log10(hours[hours >= 1 / HOUR]) * _BINS
    first, last = (np.floor(seen.min()), np.floor(seen.max()) + 1) if len(seen) else (0.0, float(_BINS))
    return np.asarray(10 ** (np.arange(first, last + 1) / _BINS))


def _hours(group: pd.DataFrame) -> Floats:
    """Delays of the payments that were credited."""
    taken = (group["credited_at"] - group["instructed_at"]).dropna()
    return np.asarray(taken.dt.total_seconds() / HOUR)


def _row_name(route: str, group: pd.DataFrame) -> str:
    missing = f"\n{percent(1 - len(_hours(group)) / len(group))} not credited"
    return f"{spelt(route)}\n{len(group):,}{missing if group['credited_at'].hasnans else ''}"


def _note(ax: Axes, text: str, at: tuple[float, float], shift: tuple[float, float], **align: str) -> None:
    ax.annotate(text, at, xytext=shift, textcoords="offset points", fontsize=8.5, **align)  # type: ignore[arg-type]


def explain(ax: Axes, handles: Sequence[Any], below: float = 0.1) -> None:
    """Say what marks and colours mean, so far below the axis as a share of its height."""
    ax.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(-0.02, -below),
        ncols=6,
        fontsize=8.5,
        handlelength=1.4,
        handletextpad=0.5,
        columnspacing=1.2,
    )
