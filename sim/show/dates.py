"""A day begins at local midnight, in the zone of the period, and so does its tick."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import matplotlib.dates as mdates
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.scenario.model import Scenario


class OfPeriod(Protocol):
    """A run, or many runs, of one scenario."""

    @property
    def scenario(self) -> Scenario:
        """The scenario, which has the period."""
        ...


def draw_dates(ax: Axes, results: OfPeriod) -> None:
    """Let the x axis tell the dates of the period."""
    locator = mdates.AutoDateLocator(minticks=4, maxticks=13)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    formatter = mdates.ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_formatter(formatter)
    ax.set_xlabel(f"date ({results.scenario.period.zone})")
    ax.set_xlim(mdates.date2num(period(results)))  # type: ignore[no-untyped-call]


def period(results: OfPeriod) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Start and end of the period as local wall-clock times."""
    declared = results.scenario.period
    instants = [pd.Timestamp(at) for at in (declared.start, declared.end)]
    start, end = (at.tz_convert(declared.zone).tz_localize(None) if at.tzinfo else at for at in instants)
    return start, end


def local(results: OfPeriod, instants: pd.Series[pd.Timestamp]) -> pd.DatetimeIndex:
    """Wall-clock times in the zone of the period."""
    return pd.DatetimeIndex(instants).tz_convert(results.scenario.period.zone).tz_localize(None)


def seconds_of_period(results: OfPeriod) -> tuple[int, int]:
    """Start and end of the period as seconds since 1970."""
    zone = results.scenario.period.zone
    start, end = (int(at.tz_localize(zone).timestamp()) for at in period(results))
    return start, end
