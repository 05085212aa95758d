"""The headline numbers of a run on one screen of eighty columns, each with its unit."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sim.core.causes import REASONS
from sim.core.currency import minor_digits
from sim.results.shelves import MEASURES
from sim.show.words import Scale, amount, bounded, day, lateness, percent, place, short, spelt, told_fx_causes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.results.results import Results

    BySide = Mapping[str, Mapping[str, float]]

#: Width of a bar of 100 %, and number of accounts shown.
_BAR: Final = 30
_ACCOUNTS: Final = 5
#: So many reasons are told of each place, if they take so many hours.
_MOST: Final = 2
_LEAST: Final = 0.05
_WIDTH: Final = 80
_ALL_ROUTES: Final = "all routes"
#: The clocks of `speed`, and what of each is shown.
_CLOCKS: Final = {
    "from_order": "from order",
    "from_release": "from sending",
    "between_banks": "between banks",
}
_SPEEDS: Final = ("within_1h", "within_4h", "within_24h", "by_day_0", "by_day_1", "by_day_2", "by_day_5")
_RATIOS: Final = ("settlement_delay_indicator", "turnover_ratio")
_METHODS: Final = ("parametric", "historical")
_INSTANT: Final = timedelta(seconds=1)


def print_summary(results: Results, console: Console) -> None:
    """Print what a run found, in 80 columns or fewer if the console has fewer."""
    currency = results.scenario.reporting_currency
    # Those that an older run has not saved are computed.
    values = {name: results.measures[name].value for name in MEASURES}
    _print_head(results, values, currency, console)
    if values["payments"]:
        if any(values["delay_by_reason"].values()):
            _section(console, "Where payments were until the credit, hours per payment", _places(values))
            _section(console, "Why they were still there, hours per payment", _reasons(values))
        table, known = _delays(values)
        title = "Clearing delay from instruction to credit"
        _section(console, title if known else f"{title} (≥ at least: not all are credited)", table)
        _section(
            console, "How fast: payments credited within hours, and by joint working day", _speed(values)
        )
        _print_value_dates(values, console)
        _print_returns(values, console)
    if late := lateness(results):
        console.print()
        _line(console, late)
    if staffed := [name for name, desk in results.scenario.desks.items() if desk.staff is not None]:
        title = "Review desks (hours until an analyst takes a case up; most cases at once)"
        _section(console, title, _desks(results, values, staffed))
    if any(values["value_per_day"].values()):
        _section(
            console,
            "Settlement systems (delay indicator: 0 at once, 1 at the end of the day)",
            _systems(results, values),
        )
    _print_exposure(values, currency, console)
    if any((costs := _costs(values)).values()):
        scale = Scale.of(costs.values())
        title = f"What payments cost, {scale.unit(currency)}"
        _section(console, title, _whole_cost(costs, values, scale))
    if any((used := values["liquidity_used"]).values()):
        title = "Liquidity used: largest fall of an account below its opening balance"
        _section(console, title, _liquidity(results, used))
    for warning in results.manifest["warnings"]:
        _line(console, f"warning: {warning}", style="yellow")
    if results.folder is not None:
        console.print(f"Saved in {results.folder}", highlight=False, markup=False, soft_wrap=True)


def _print_exposure(values: Mapping[str, Any], currency: str, console: Console) -> None:
    """Positions, results and risks of firms, where there are any."""
    if peaks := values["net_open_position_peak"]:
        scale = Scale.of(peak for side in peaks.values() for peak in side.values())
        title = f"Net open position of firms, {scale.unit(currency)} (with cash and forwards)"
        _section(console, title, _positions(peaks, values["net_open_position_mean"], scale))
    if found := values["fx_result"]:
        scale = Scale.of(result for side in found.values() for result in side.values())
        title = f"Realised FX result of firms, {scale.unit(currency)} (gains positive)"
        _section(console, title, _fx_results(found, scale))
    if found := values["value_at_risk"]:
        _section(console, *_losses(found, currency))
    if at_risk := values["principal_risk_peak"]["all"]:
        console.print()
        _line(console, f"Most that was paid away and not final at one time: {amount(at_risk, currency)}")


def _print_head(results: Results, values: Mapping[str, Any], currency: str, console: Console) -> None:
    scenario = results.scenario
    replication = results.manifest["replication"]
    drawn = f", seed {scenario.seed}" + (f", replication {replication}" if replication else "")
    console.print(Text.assemble((scenario.name, "bold"), drawn), width=_WIDTH, highlight=False)
    if scenario.question:
        _line(console, " ".join(scenario.question.split()))
    period = scenario.period
    # A period or run that ends at midnight has the day before as its last one.
    until = pd.Timestamp(results.manifest["followed_until"]).tz_convert(period.zone) - _INSTANT
    first, last = period.start, period.end - _INSTANT
    span = f"{day(first)} to {day(last)}"
    if first.date() == last.date():
        span = f"{day(first)}, {first:%H:%M} to {period.end:%H:%M}"
    followed = "" if until.date() == last.date() else f"; payments followed to {day(until)}"
    _line(console, f"{span}, {period.zone}{followed}")
    console.print()
    _line(console, f"{values['payments']:,} payments fell due, worth {amount(values['value'], currency)}")
    if values["payments"]:
        _line(
            console,
            f"credited: {percent(values['settled_share'])} of payments, "
            f"{percent(values['settled_value_share'])} of value",
        )


def _delays(values: Mapping[str, Any]) -> tuple[Table, bool]:
    """A row per route and one for all; times in hours, the last column weighted by value; and if all are known."""
    table, known = _table("route", "payments", "median h", "p95 h", "mean h", "by value h"), True
    everything = {**values["delay"], "payments": values["payments"]}
    rows = [
        (spelt(route), profile, values["delay_at_most_by_route"][route])
        for route, profile in values["delay_by_route"].items()
    ]
    for name, profile, most in [*rows, (_ALL_ROUTES, everything, values["delay_at_most"])]:
        hours = [
            bounded(profile[key], most[key], "{:,.1f}".format)
            for key in ("p50", "p95", "mean", "value_weighted")
        ]
        known = known and not any(text.startswith("≥") for text in hours)
        if name == _ALL_ROUTES:
            table.add_section()
        table.add_row(name, f"{profile['payments']:,}", *hours)
    return table, known


def _places(values: Mapping[str, Any]) -> Table:
    """A row per place at which any time was spent, the longest first, with the reasons that took most of it."""
    table = _table("place", "hours", "share", "of these")
    table.columns[-1].justify = "left"
    found, matrix = values["delay_by_place"], values["delay_matrix"]
    total = sum(found.values())
    for key in sorted(matrix, key=lambda key: -found[key]):
        most = sorted(matrix[key].items(), key=lambda item: -item[1])[:_MOST]
        told = ", ".join(f"{REASONS[reason]} {hours:.1f}" for reason, hours in most if hours >= _LEAST)
        table.add_row(place(key), _at_least(found[key], values), percent(found[key] / total), told)
    return table


def _reasons(values: Mapping[str, Any]) -> Table:
    table = _table("reason", "hours", "share", "")
    table.columns[-1].justify, table.columns[-1].style = "left", "blue"
    found = values["delay_by_reason"]
    total = sum(found.values())
    for reason, hours in sorted(found.items(), key=lambda item: -item[1]):
        if hours:
            bar = "█" * max(round(_BAR * hours / total), 1)
            table.add_row(REASONS[reason], _at_least(hours, values), percent(hours / total), bar)
    return table


def _at_least(hours: float, values: Mapping[str, Any]) -> str:
    """Mean hours, which may be more as soon as one payment is not credited."""
    most = None if values["delay_at_most"]["mean"] is None else hours
    return bounded(hours, most, "{:.2f}".format)


def _speed(values: Mapping[str, Any]) -> Table:
    """A row per clock: how many payments arrive within so many hours, and by which joint working day."""
    table = _table("clock", "1 h", "4 h", "24 h", "day 0", "day 1", "day 2", "day 5")
    for clock, told in _CLOCKS.items():
        shares = values["speed"][clock]
        table.add_row(told, *(percent(shares[name]) for name in _SPEEDS))
    return table


def _print_value_dates(values: Mapping[str, Any], console: Console) -> None:
    """Whether promises of the same day were kept, where there are any."""
    if (kept := values["same_day_share"]) is not None:
        console.print()
        _line(
            console,
            f"promised for the day of acceptance and settled on it: {percent(kept)}; ready too late for the value "
            f"date, whichever it was: {values['value_missed']:,} payments",
        )


def _print_returns(values: Mapping[str, Any], console: Console) -> None:
    if values["returned_share"]:
        console.print()
        _line(
            console,
            f"sent back: {percent(values['returned_share'])} of value, there again after "
            f"{values['return_time']:.1f} d in the mean; given up: {percent(values['cancelled_share'])} of value",
        )


def _desks(results: Results, values: Mapping[str, Any], names: Sequence[str]) -> Table:
    """The desks that say how many analysts they have, and how busy these were in the period."""
    table = _table("desk", "analysts", "busy", "cases", "mean h", "p95 h", "peak")
    days = (
        results["desk_days"]
        .groupby("desk")[["arrived", "open_seconds", "work_seconds"]]
        .sum()
        .to_dict("index")
    )
    for name in names:
        staff = results.scenario.desks[name].staff
        if name in days and staff is not None:
            arrived, open_seconds, work = days[name].values()
            wait = values["review_wait"].get(name, {"mean": 0.0, "p95": 0.0})
            table.add_row(
                name,
                f"{staff:,}",
                percent(work / (staff * open_seconds)) if open_seconds else "–",
                f"{arrived:,}",
                f"{wait['mean']:,.1f}",
                f"{wait['p95']:,.1f}",
                f"{values['review_backlog_peak'][name]:,}",
            )
    return table


def _systems(results: Results, values: Mapping[str, Any]) -> Table:
    """The systems that were asked for anything, with the currency that their amounts are in.

    Standstills, waiting and unsettled value are of the whole period.
    """
    headings = (
        "in",
        "value\na day",
        "delay",
        "queue\npeak",
        "gridlocks /\ndeadlocks /\nshortages",
        "unsettled",
        "turn-\nover",
    )
    table = _table("system", *headings)
    currencies = results.systems.set_index("system")["currency"]
    for name, value in values["value_per_day"].items():
        if value:
            code, delay, turnover = currencies[name], *(values[key][name] for key in _RATIOS)
            table.add_row(
                name,
                code,
                short(value),
                "–" if delay is None else f"{delay:.3f}",
                short(values["queue_peak_value"][name]),
                " / ".join(f"{values[kind][name]:,}" for kind in ("gridlocks", "deadlocks", "shortages")),
                short(values["unsettled_value"][name]),
                "–" if turnover is None else f"{turnover:.2f}",
            )
    return table


def _positions(peaks: BySide, means: BySide, scale: Scale) -> Table:
    table = _table("firms in", "currency", "mean", "largest, either sign")
    for side, by_currency in peaks.items():
        for number, (code, peak) in enumerate(by_currency.items()):
            name = "" if number else spelt(side)
            table.add_row(name, code, scale.tell(means[side][code]), scale.tell(peak))
    return table


def _fx_results(found: BySide, scale: Scale) -> Table:
    """What the rate did until the due date, what it did while payments cleared, and what dealing cost."""
    causes = told_fx_causes(found)
    table = _table("firms in", *causes)
    for side, parts in found.items():
        table.add_row(spelt(side), *(scale.tell(parts[cause]) for cause in causes))
    return table


def _losses(found: Mapping[str, Any], currency: str) -> tuple[str, Table]:
    """Title and rows of the value at risk, of the last horizon and level that the scenario names."""
    cases = [case for methods in found.values() for by_case in methods.values() for case in by_case]
    case = cases[-1]
    rows = {
        side: [methods[method][case]["mean"] if method in methods else None for method in _METHODS]
        for side, methods in found.items()
    }
    scale = Scale.of(value for row in rows.values() for value in row if value is not None)
    table = _table("firms in", *(f"{method} mean" for method in _METHODS))
    for side, row in rows.items():
        table.add_row(spelt(side), *("–" if value is None else scale.tell(value) for value in row))
    return f"Value at risk of open positions ({case}), {scale.unit(currency)}", table


def _costs(values: Mapping[str, Any]) -> dict[str, float]:
    """Fees by the step that asks for them, the spread that firms paid, and what liquidity cost banks."""
    fees = {f"fee, {kind}": fee for kind, fee in values["fees_by_kind"].items()}
    spread = -sum(parts["spread"] for parts in values["fx_result"].values())
    found = fees | {"spread of firms": spread, "liquidity of banks": values["liquidity_cost"]["total"]}
    waiting = values["delay_cost"]
    if waiting:
        # What goes on after the run makes the whole a lower bound.
        found["delay, at least" if waiting["at_least"] else "delay"] = waiting["total"]
    return found


def _whole_cost(costs: Mapping[str, float], values: Mapping[str, Any], scale: Scale) -> Table:
    """A row per cost and one for all, which is the total of the measure `payment_cost_bps`."""
    paid, basis_points = values["value"], Scale("", 1e-4)
    table = _table("for", "amount", "bp of value paid")
    for name, cost in [*costs.items(), ("total", sum(costs.values()))]:
        table.add_row(name, scale.tell(cost), basis_points.tell(cost / paid) if paid else "–")
    return table


def _liquidity(results: Results, used: Mapping[str, float]) -> Table:
    """The accounts that came nearest to using all they opened with."""
    accounts = results.accounts.set_index("account")
    currencies, openings = accounts["currency"], accounts["opening_balance"]
    rows = []
    for name, fall in used.items():
        code = str(currencies[name])
        opening = int(openings[name]) / 10 ** minor_digits(code)
        rows.append((name, code, fall, fall / opening if opening else None))
    rows.sort(key=lambda row: (-(row[3] or 0.0), row[0]))
    table = _table("account", "used", "of opening balance")
    for name, code, fall, share in rows[:_ACCOUNTS]:
        table.add_row(name, amount(fall, code), "–" if share is None else percent(share))
    if len(rows) > _ACCOUNTS:
        table.add_row(f"+{len(rows) - _ACCOUNTS} more")
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _section(console: Console, title: str, table: Table) -> None:
    console.print()
    _line(console, title, style="bold")
    console.print(
        Padding(table, (0, 0, 0, 2), expand=False), width=min(console.width, _WIDTH), highlight=False
    )


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(text, style=style, width=min(console.width, _WIDTH), highlight=False)
