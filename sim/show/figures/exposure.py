"""What firms stand to gain or lose is what they are owed in foreign currency, less what they owe."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from sim.core.currency import minor_digits
from sim.core.dislocations import WORTH_A_WORD, dislocations
from sim.scenario.model.fx import HistoryFx
from sim.show.dates import draw_dates, local, period
from sim.show.frame import APART, figure, heading, headline, label_ends, nothing, panels, same_scale
from sim.show.palette import INK, QUIET, currency_colours, dress, in_millions
from sim.show.words import day, spelt
from sim.world.own_rates import load_history, load_world

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from sim.results.results import Results

#: The panel of rates, by a name that no side can have, and its height as a share of a side's.
_RATES: Final = ""
_RATES_HEIGHT: Final = 0.62
#: Minsk's own yuan is known since the rouble was redenominated.
_MINSK_SINCE: Final = date(2016, 7, 1)
#: So many spells off the world's market are named, in a line that needs so much of the panel's height.
_NAMED: Final = 3
_ROOM: Final = 0.16


@figure(width=9, height=8.6, needs=lambda results: bool(results.scenario.sides))
def exposure(results: Results, ax: Axes) -> None:
    """Net open position of each side's firms by currency over the period, and the exchange rates below.

    Positions are those of the `exposure` table in millions of the reporting currency; a panel per side, all on one
    scale. Rates are prices of foreign currency in the functional currency of the first side, the first day being 100;
    days on which Minsk's dollar stood off the world's in yuan are marked.
    """
    scenario = results.scenario
    sides = list(scenario.sides)
    rates = _rates(results)
    parts = [*sides, _RATES] if len(rates.columns) else sides or [_RATES]
    ratios = [_RATES_HEIGHT if part == _RATES else 1.0 for part in parts]
    axes = panels(ax, len(parts), 1, height_ratios=ratios, hspace=0.09)
    drawn: list[tuple[Axes, dict[str, float]]] = []
    for part, panel in zip(parts, axes, strict=True):
        dress(panel, grid="y")
        if part == _RATES:
            _draw_rates(panel, results, rates)
        elif ends := _draw_side(panel, results, part):
            drawn.append((panel, ends))
    same_scale([panel for panel, _ in drawn])
    for panel, ends in drawn:
        label_ends(panel, ends, {code: code for code in ends}, currency_colours(ends))
    for panel in axes[1:]:
        panel.sharex(ax)
    for panel in axes[:-1]:
        panel.tick_params(labelbottom=False)
    draw_dates(axes[-1], results)
    headline(ax, f"FX exposure of firms: {scenario.name}")


def _draw_side(ax: Axes, results: Results, side: str) -> dict[str, float]:
    """Draw it, and return where the line of each currency ends; none where there is nothing to draw."""
    reporting, home = results.scenario.reporting_currency, results.scenario.sides[side].functional_currency
    heading(ax, f"Firms in {spelt(side)}, functional currency {home}")
    ax.set_ylabel(f"net open position, {reporting} m")
    table = results.exposure
    table = table[table["side"] == side]
    if table.empty:
        nothing(ax, "no obligations in foreign currency")
        return {}
    colours = currency_colours(table["currency"].astype(str))
    scale = 1e6 * 10 ** minor_digits(reporting)
    ends = {}
    for code, colour in colours.items():
        rows = table[table["currency"] == code]
        values = rows["net_open_position_reporting"] / scale
        ax.plot(local(results, rows["at"]), values.to_numpy(), color=colour, linewidth=1.6, label=code)
        ends[code] = float(values.iloc[-1])
    ax.axhline(0, color=INK, linewidth=0.8, zorder=1.5)
    ax.margins(y=0.14)
    in_millions(ax)
    for height, edge, text in (
        (0.985, "top", "▲ receivables exceed payables"),
        (0.015, "bottom", "▼ payables exceed receivables"),
    ):
        ax.text(0.006, height, text, transform=ax.transAxes, color=QUIET, va=edge, fontsize=8.5)
    return ends


def _draw_rates(ax: Axes, results: Results, rates: pd.DataFrame) -> None:
    home = _home(results)
    if rates.empty:
        nothing(ax, "no exchange rates")
        return
    heading(ax, f"Price of foreign currency in {home}, and its last value")
    ax.set_ylabel(f"{day(rates.index[0])} = 100")
    colours = currency_colours(rates.columns)
    ends, texts = {}, {}
    for code, colour in colours.items():
        index = 100 * rates[code] / rates[code].iloc[0]
        ax.plot(rates.index.to_numpy(), index.to_numpy(), color=colour, linewidth=1.4, label=code)
        ends[code] = float(index.iloc[-1])
        texts[code] = _quoted(code, float(rates[code].iloc[-1]), home)
    ax.axhline(100, color=INK, linewidth=0.8, zorder=1.5)
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, 99), max(high, 101))
    _mark_dislocations(ax, results)
    label_ends(ax, ends, texts, colours, apart=APART / _RATES_HEIGHT)


def _mark_dislocations(ax: Axes, results: Results) -> None:
    """Mark the days on which Minsk's dollar stood off the world's in yuan, and name the largest of them."""
    declared = results.scenario.fx
    currencies = {*results.fx["currency"].cat.categories}
    if not isinstance(declared, HistoryFx) or declared.file or not {"BYN", "CNY"} <= currencies:
        return
    start, end = (day.date() for day in period(results))
    moved = (declared.moved_to() or start) - start
    minsk = load_history().observations("CNY").within(_MINSK_SINCE, end + moved)
    days, shares = dislocations(minsk, load_world().observations("CNY"))
    shown = days >= np.datetime64(start + moved, "D")
    days, shares = days[shown], shares[shown]
    if not len(days):
        return
    at = pd.DatetimeIndex(days) - pd.Timedelta(moved)
    low, high = ax.get_ylim()
    ax.set_ylim(low - _ROOM * (high - low), high)
    across = ax.get_xaxis_transform()
    ax.plot(at, np.full(len(at), 0.035), "^", transform=across, color=INK, markersize=4, clip_on=False)
    named = ", ".join(
        f"{one.day} {one:%b}{f' {one.year}' if start.year < end.year - 1 else ''} {share * 100:+.1f} %".replace(
            "-", "−"
        )
        for one, share in _largest(at, shares)
    )
    told = f"▲ USD/CNY in Minsk over {WORTH_A_WORD * 100:.2g} % off the world's (ECB): {named}"
    ax.text(0.006, 0.075, told, transform=ax.transAxes, color=QUIET, va="bottom", fontsize=8.5)


def _largest(days: pd.DatetimeIndex, shares: NDArray[np.float64]) -> list[tuple[pd.Timestamp, float]]:
    """The worst day of each spell, of the worst spells, in the order of the days."""
    spell = np.cumsum(np.diff(days, prepend=days[:1]) > pd.Timedelta(days=7))
    found = pd.DataFrame({"day": days, "share": shares, "size": np.abs(shares), "spell": spell})
    worst = found.sort_values("size", ascending=False, kind="stable").drop_duplicates("spell").head(_NAMED)
    worst = worst.sort_values("day")
    return list(zip(worst["day"], worst["share"], strict=True))


def _rates(results: Results) -> pd.DataFrame:
    """Units of the home currency per unit of each other one, by local day of the period."""
    home = _home(results)
    wide = results.fx.pivot_table(index="valid_from", columns="currency", values="per_usd", observed=True)
    wide.index = pd.DatetimeIndex(local(results, wide.index.to_series()))
    wide.columns = [str(code) for code in wide.columns]
    if home not in wide.columns:
        return wide.iloc[:, :0]
    start, end = period(results)
    per_unit = wide.rdiv(wide[home], axis=0).drop(columns=home)
    return per_unit[(per_unit.index >= start.normalize()) & (per_unit.index <= end)]


def _home(results: Results) -> str:
    """The currency that the rates are told in: that of the first side's books."""
    first = next(iter(results.scenario.sides.values()), None)
    return results.scenario.reporting_currency if first is None else first.functional_currency


def _quoted(code: str, rate: float, home: str) -> str:
    unit = 1
    while rate * unit < 0.1 and unit < 10**8:  # noqa: PLR2004 - as central banks quote: per 100, per 10,000
        unit *= 100
    return f"{unit:,} {code} = {rate * unit:,.4g} {home}"
