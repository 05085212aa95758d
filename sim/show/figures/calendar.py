"""What is under way grows over weekends and holidays, most where the two sides rest one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import matplotlib.dates as mdates
import pandas as pd
from matplotlib.transforms import blended_transform_factory

from sim.show.frame import figure, headline, nothing
from sim.show.palette import INK, dress
from sim.show.words import spelt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.results.results import Results

#: A light and a strong shade for the holidays of each side; further sides take the last one.
_SHADES: Final = (("#cfe3f5", "#0072b2"), ("#fbdcc4", "#d55e00"), ("#e4e4e4", "#666666"))
#: Height of the strip that names a side's holidays, as a share of the panel's, and holidays too short to name.
STRIP: Final = 0.045
_NAMED: Final = pd.Timedelta(days=5)


@figure(width=11.0, height=4.6)
def calendar(results: Results, ax: Axes) -> None:
    """Payments under way at each midnight of the period, with the holidays of each side shaded.

    Those of the tables `in_flight` and `holidays`: a holiday is a stretch of days without work that holds a
    weekday; plain weekends are not shaded. Dates are local to the zone of the period.
    """
    table = results["in_flight"]
    headline(ax, f"Payments under way, day by day: {results.scenario.name}")
    dress(ax, grid="y")
    if not len(table) or not table["payments"].any():
        nothing(ax, "no payment was under way at midnight")
        ax.set_xticks([])
        return
    start, end = table["date"].iloc[0], table["date"].iloc[-1] + pd.Timedelta(days=1)
    sides = list(results.scenario.sides)
    for row, side in enumerate(sides):
        shade_holidays(ax, results, side, row, (start, end))
    # The last day reaches to its end, too.
    days, counts = [*table["date"], end], [*table["payments"], table["payments"].iloc[-1]]
    ax.step(days, counts, where="post", color=INK, linewidth=1.1)
    ax.set_xlim(mdates.date2num([start, end]))  # type: ignore[no-untyped-call]
    ax.set_ylim(0, table["payments"].max() * (1.08 + STRIP * (len(sides) + 1)))
    ax.set_ylabel("payments instructed and not yet credited\nat the midnight that ends the day")
    locator = mdates.AutoDateLocator(minticks=4, maxticks=13)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    ax.set_xlabel(
        f"date ({results.scenario.period.zone}); a strip at the top and a shade below for each holiday"
    )


def shade_holidays(
    ax: Axes, results: Results, side: str, row: int, period: tuple[pd.Timestamp, pd.Timestamp]
) -> None:
    """Shade the holidays of a side within a period, with a strip and their dates in the given row from the top."""
    light, strong = _SHADES[min(row, len(_SHADES) - 1)]
    top = 1 - row * STRIP * 1.15
    table = results["holidays"]
    place = blended_transform_factory(ax.transData, ax.transAxes)
    for first, last in zip(
        table.loc[table["side"] == side, "first_date"],
        table.loc[table["side"] == side, "last_date"],
        strict=True,
    ):
        since, until = max(first, period[0]), min(last + pd.Timedelta(days=1), period[1])
        if since >= until:
            continue
        ax.axvspan(since, until, ymax=top, color=light, alpha=0.7, linewidth=0, zorder=0.5)
        ax.axvspan(since, until, ymin=top - STRIP, ymax=top, color=strong, linewidth=0, zorder=0.6)
        if last - first >= _NAMED:
            text = (
                f"{first.day}–{last.day} {last:%b}"
                if first.month == last.month
                else f"{first:%d %b}–{last:%d %b}"
            )
            ax.text(
                until,
                top - STRIP / 2,
                f" {text}",
                transform=place,
                va="center",
                ha="left",
                fontsize=8,
                color=strong,
            )
    ax.annotate(
        f"holidays: {spelt(side)}",
        (1, top - STRIP / 2),
        xytext=(5, 0),
        xycoords="axes fraction",
        textcoords="offset points",
        color=strong,
        va="center",
        fontsize=9,
        fontweight="bold",
        annotation_clip=False,
    )
