"""Where one place is closed while the other pays, money is out overnight: the week shows which hours those are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import matplotlib as mpl
import numpy as np

from sim.core.currency import minor_digits
from sim.results.views import weekly_profile
from sim.show.dates import seconds_of_period
from sim.show.frame import figure, heading, headline, nothing, panels
from sim.show.palette import HEAT, OPEN, dress, ink_on
from sim.show.words import spelt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from sim.results.results import Results

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
#: Where all values are below this, they are told with two decimals instead of one.
_DIGITS_BELOW: Final = 10.0


@figure(width=9.6, height=6.0, needs=lambda results: len(results["principal_risk"]) > 0)
def principal_risk(results: Results, ax: Axes) -> None:
    """Mean value at principal risk by weekday and hour, and below it when which place is open.

    The value is that of the table `principal_risk`, averaged over the period, in millions of the reporting
    currency. Bars below mark the quarter hours, in the zone of the period, in which banks and markets are open on
    most days from Monday to Friday; paler where they are on fewer, as after a change of the clock.
    """
    scenario = results.scenario
    openings = results["openings"].groupby("place", observed=True, sort=False)["open_share"]
    places = {str(place): share.to_numpy() for place, share in openings}
    height = max(0.2 * len(places), 0.2)
    heat, strip = panels(ax, 2, 1, height_ratios=[1.5, height], hspace=0.04)
    headline(heat, f"Paid away and not final: {scenario.name}", lines=1)
    heading(
        heat, f"Mean value at risk by hour and weekday, {scenario.reporting_currency} m, all kinds together"
    )
    table = results["principal_risk"]
    scale = 1e6 * 10 ** minor_digits(scenario.reporting_currency)
    profile = weekly_profile(table, *seconds_of_period(results), scenario.period.zone) / scale
    _draw_heat(heat, profile)
    _draw_places(strip, places)
    strip.set_xlabel(f"hour of the day ({scenario.period.zone})")
    heat.tick_params(labelbottom=False)
    if table.empty:
        nothing(heat, "nothing was paid away before its counter-value was final")


def _draw_heat(ax: Axes, profile: NDArray[np.float64]) -> None:
    dress(ax, grid="y")
    ax.grid(visible=False)
    top = max(float(np.nanmax(profile, initial=0.0)), 1e-12)
    ax.pcolormesh(
        np.arange(25), np.arange(8), profile, cmap=HEAT, vmin=0, vmax=top, edgecolors="white", linewidth=0.6
    )
    shades = mpl.colormaps[HEAT](profile / top)
    digits = int(top < _DIGITS_BELOW) + 1
    for day, row in enumerate(profile):
        for hour, value in enumerate(row):
            if not np.isnan(value):
                ink = ink_on(shades[day, hour])
                text = _short(float(value), digits)
                ax.text(hour + 0.5, day + 0.5, text, ha="center", va="center", fontsize=6.5, color=ink)
    ax.set_ylim(7, 0)
    ax.set_xlim(0, 24)
    ax.set_yticks(np.arange(7) + 0.5, labels=list(_DAYS))
    ax.set_xticks(range(0, 25, 2))


def _draw_places(ax: Axes, places: dict[str, NDArray[np.float64]]) -> None:
    dress(ax, grid="x")
    heading(ax, "Open from Monday to Friday, paler where not on every such day")
    for row, share in enumerate(places.values()):
        quarter = 24 / len(share)
        for number, part in enumerate(share):
            if part > 0:
                ax.barh(row, quarter, 0.6, number * quarter, color=OPEN, alpha=float(part), linewidth=0)
    ax.set_ylim(max(len(places), 1) - 0.4, -0.6)
    ax.set_xlim(0, 24)
    ax.set_yticks(range(len(places)), labels=[name if " " in name else spelt(name) for name in places])
    ax.set_xticks(range(0, 25, 2))


def _short(value: float, digits: int) -> str:
    """So many decimals, or nothing for nothing."""
    if not value:
        return ""
    least = 10.0**-digits
    text = f"<{least:.{digits}f}" if value < least else f"{value:.{digits}f}"
    return text.replace("0.", ".", 1) if value < 1 else text
