"""A desk that cannot keep up is seen by what lies on it, and by how long it lies there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import matplotlib.dates as mdates
import pandas as pd

from sim.core.clock import DAY
from sim.show.figures.calendar import STRIP, shade_holidays
from sim.show.frame import APART, figure, heading, headline, label_ends, nothing, panels
from sim.show.palette import ACCOUNTS, OTHER_ACCOUNTS, dress
from sim.show.words import spelt

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.results.results import Results

#: Desks with a colour of their own, the fullest first; further ones are grey.
_DESKS: Final = len(ACCOUNTS)


def _staffed(results: Results) -> list[str]:
    """Desks with so many people that somebody came to, by the peak of their backlog."""
    days = results["desk_days"]
    known = [name for name, desk in results.scenario.desks.items() if desk.staff is not None]
    peaks = days[days["desk"].isin(known)].groupby("desk")["backlog_peak"].max()
    return [str(name) for name in peaks.sort_values(ascending=False, kind="stable").index]


@figure(width=11.0, height=6.4, needs=lambda results: bool(_staffed(results)))
def backlog(results: Results, ax: Axes) -> None:
    """Cases on each desk that has so many people, and how long new ones waited, day by day.

    Above the most cases at one instant of a day (`desk_days`), below the mean wait of the cases that came in within a
    week, from Monday on, until somebody took them up (`reviews`), nights and holidays included; there is none for
    a week in which none came. Holidays of all sides are shaded.
    """
    desks = _staffed(results)
    above, below = panels(ax, 2, 1, hspace=0.06)
    headline(above, f"Backlog of review desks: {results.scenario.name}")
    for panel in (above, below):
        dress(panel, grid="y")
    if not desks:
        nothing(above, "no desk states how many people it has")
        below.remove()
        return
    days = results["desk_days"]
    colours = {desk: ACCOUNTS[k] if k < _DESKS else OTHER_ACCOUNTS for k, desk in enumerate(desks)}
    waits = _waits(results)
    for panel, column in ((above, "backlog_peak"), (below, "wait")):
        ends = {}
        for desk in reversed(desks):
            mine = days[days["desk"] == desk] if panel is above else waits[waits["desk"] == desk]
            panel.step(mine["date"], mine[column], where="post", color=colours[desk], linewidth=1.2)
            ends[desk] = float(mine[column].dropna().iloc[-1]) if mine[column].notna().any() else 0.0
        # Names of desks at the right stay below those of the holidays.
        panel.set_ylim(0, panel.get_ylim()[1] / (1 - len(results.scenario.sides) * 1.15 * STRIP - APART))
        texts = {desk: f"{spelt(desk)}, {results.scenario.desks[desk].staff}" for desk in desks}
        label_ends(panel, ends, texts, colours, marks=True)
        _dates(panel, results)
    heading(
        above, "Most cases on the desk at one instant of the day; name and number of analysts at the right"
    )
    heading(below, "Mean wait of the cases that came in within a week, until an analyst took them up")
    above.set_ylabel("cases")
    below.set_ylabel("days")
    below.set_xlabel(f"date ({results.scenario.period.zone}); holidays shaded")


def _waits(results: Results) -> pd.DataFrame:
    """Mean days by desk and week of arrival within the period, each drawn from its first day on."""
    reviews, zone = results["reviews"], results.scenario.period.zone
    arrived = reviews["arrived_at"].dt.tz_convert(zone).dt.tz_localize(None).dt.normalize()
    dates = results["desk_days"]["date"]
    cases = pd.DataFrame(
        {
            "desk": reviews["desk"].astype(str),
            "date": arrived - pd.to_timedelta(arrived.dt.day_of_week, unit="D"),
            "wait": (reviews["began_at"] - reviews["arrived_at"]).dt.total_seconds() / DAY,
        }
    )[arrived.isin(dates)]
    weeks = cases.pivot_table(index="date", columns="desk", values="wait", aggfunc="mean")
    every = pd.date_range(cases["date"].min(), dates.max() + pd.Timedelta(days=7), freq="7D", name="date")
    told: pd.DataFrame = weeks.reindex(every).reset_index()
    return told.melt("date", var_name="desk", value_name="wait")


def _dates(ax: Axes, results: Results) -> None:
    dates = results["desk_days"]["date"]
    start, end = dates.min(), dates.max() + pd.Timedelta(days=1)
    for row, side in enumerate(results.scenario.sides):
        shade_holidays(ax, results, side, row, (start, end))
    ax.set_xlim(mdates.date2num([start, end]))  # type: ignore[no-untyped-call]
    locator = mdates.AutoDateLocator(minticks=4, maxticks=13)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
