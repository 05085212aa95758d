"""What a study found, on a terminal of eighty columns: each number with how far it can be relied upon."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from rich import box
from rich.padding import Padding
from rich.table import Table

from sim.show.words import day, spelt

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from rich.console import Console

    from sim.scenario.model import Scenario
    from sim.studies.comparison import Comparison
    from sim.studies.ensemble import Ensemble

_WIDTH: Final = 80
_TWO: Final = 2
#: Of longer lists of keys the rest is counted.
_MOST_KEYS: Final = 12
#: Below these a number is told whole, or with four digits.
_WHOLE: Final = 1_000
_SIZES: Final = ((1e9, " bn"), (1e6, " m"))


def print_ensemble(found: Ensemble, console: Console) -> None:
    """Print means with their intervals, and how far apart runs lie; what is zero in all of them is left out."""
    scenario = found.scenario
    line(console, f"{scenario.name}, seed {scenario.seed}: {found.count:,} replications", style="bold")
    if scenario.question:
        line(console, " ".join(scenario.question.split()))
    _print_assumptions(found.assumptions, [scenario], console)
    summary = found.summary
    shown = summary[(summary[["mean", "p05", "p95"]].fillna(0) != 0).any(axis=1)]
    for measure, rows in shown.groupby("measure", sort=False, observed=True):
        table = columns("", "mean", "95 % interval", "90 % of the runs")
        for row in rows.to_dict("records"):
            spread = interval(row["p05"], row["p95"])
            table.add_row(row["of"], plain(row["mean"]), interval(row["low"], row["high"]), spread)
        section(console, f"{measure}, {rows['unit'].iloc[0]}", table)
    _print_cash_flow_at_risk(found, console)
    _print_end(found, console)


def _print_cash_flow_at_risk(found: Ensemble, console: Console) -> None:
    """Of each side the whole period and its worst month."""
    at_risk = found.cash_flow_at_risk
    if at_risk.empty:
        return
    table = columns("firms in", "when", "expected", "5 % quantile", "at risk")
    for (side, unit), rows in at_risk.groupby(["of", "unit"], sort=False, observed=True):
        by_month = rows[rows["at"].notna()]
        worst = by_month.loc[[by_month["at_risk"].idxmax()]]
        whole = rows[rows["at"].isna()]
        for when, row in (("period", whole.iloc[0]), ("worst month", worst.iloc[0])):
            local = None if when == "period" else row["at"].tz_convert(found.scenario.period.zone)
            told = when if local is None else f"from {day(local)}"
            amounts = (plain(row[name]) for name in ("expected", "p05", "at_risk"))
            table.add_row(f"{spelt(str(side))}, {unit}", told, *amounts)
    section(console, "Cash flow at risk: expected less the 5 % quantile", table)


def _print_assumptions(drawn: pd.DataFrame, scenarios: Sequence[Scenario], console: Console) -> None:
    """How many assumptions were drawn, and which of them are none of some scenario."""
    names = list(dict.fromkeys(drawn["assumption"]))
    if not names:
        return
    among = ", the same in all scenarios" if len(scenarios) > 1 else ""
    line(console, f"Each replication draws {len(names)} assumptions anew{among}.")
    for scenario in scenarios:
        if lacking := [name for name in names if name not in scenario.uncertain]:
            line(console, f"Without effect in {scenario.name}: {', '.join(lacking)}")


def _print_end(found: Ensemble | Comparison, console: Console) -> None:
    if found.until is not None:
        console.print()
        line(console, f"{found.until}: {'reached' if found.reached else 'not reached'} after {found.count:,}")
    if found.folder is not None:
        console.print(f"Saved in {found.folder}", soft_wrap=True)


def columns(first: str, *others: str) -> Table:
    """A table of names at the left and numbers at the right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right", overflow="fold")
    return table


def section(console: Console, title: str, table: Table) -> None:
    """A table below its title."""
    console.print()
    line(console, title, style="bold")
    console.print(Padding(table, (0, 0, 0, 2), expand=False), width=min(console.width, _WIDTH))


def line(console: Console, text: str, style: str = "") -> None:
    """A sentence, in as many lines as it needs."""
    console.print(text, style=style, width=min(console.width, _WIDTH))


def plain(value: float | None, digits: int = 4) -> str:
    """A number as people read it: `1.74 bn`, `−43.2 m`, `12,345`, `0.9974`; a dash for one that there is not."""
    if value is None or math.isnan(value):
        return "–"
    for size, word in _SIZES:
        if abs(value) >= size:
            return f"{value / size:,.{digits}g}{word}".replace("-", "−")
    told = f"{value:,.0f}" if abs(value) >= _WHOLE else f"{value:.{digits}g}"
    return ("0" if told == "-0" else told).replace("-", "−")


def interval(low: float, high: float) -> str:
    """Two ends of a stretch; a dash where there are none."""
    return "–" if math.isnan(low) else f"{plain(low, 3)} … {plain(high, 3)}"


def failed_lines(failures: pd.DataFrame) -> Sequence[str]:
    """A sentence for each replication that failed, with the command that repeats it alone."""
    return [
        f"replication {row['replication']} of {row['scenario']}, seed {row['seed']}, failed: {row['message']}; "
        f"alone: {row['command']}"
        for row in failures.to_dict("records")
    ]


def print_comparison(found: Comparison, console: Console) -> None:
    """Print how each scenario differs from today's, which one is better and how surely; what is equal is left out."""
    names = ", ".join(scenario.name for scenario in found.scenarios[1:])
    seed = found.scenarios[0].seed
    line(console, f"{names} against {found.today}, seed {seed}: {found.count:,} replications", style="bold")
    line(console, "Differences are paired over the same draws, with 95 % intervals; 'sure' is of their sign.")
    _print_assumptions(found.assumptions, found.scenarios, console)
    table = found.differences
    shown = table[(table["difference"] != 0) & table["n"].ge(1)]
    for (scenario, over, measure), rows in shown.groupby(["scenario", "over", "measure"], sort=False):
        told = columns("", "today", "difference", "95 % interval", "better", "sure")
        for row in rows.to_dict("records"):
            between = interval(row["low"], row["high"])
            ahead = "" if not row["winner"] else "today" if row["winner"] == found.today else "design"
            sure = "–" if math.isnan(row["sure"]) else _surely(row["sure"])
            told.add_row(row["of"], plain(row["today"]), plain(row["difference"]), between, ahead, sure)
        among = ", over the obligations of both" if over == "common" else ""
        design = f"{scenario}: " if len(found.scenarios) > _TWO else ""
        section(console, f"{design}{measure}, {rows['unit'].iloc[0]}{among}", told)
    if shown.empty:
        console.print()
        line(console, "No number differs.")
    _print_parts(found, console)
    _print_keys(found, console)
    _print_end(found, console)


def _print_parts(found: Comparison, console: Console) -> None:
    """Of the numbers that sum a measure up, what each change does."""
    if found.decomposition is None:
        return
    rows = found.decomposition[found.decomposition["of"].map(sums_up)]
    for (measure, of), parts in rows.groupby(["measure", "of"], sort=False):
        if not parts["part"].any():
            continue
        told = columns("change", "part", "95 % interval")
        for row in parts.to_dict("records"):
            told.add_row(row["change"], plain(row["part"]), interval(row["low"], row["high"]))
        told.add_row("all together", plain(parts["part"].sum()), "")
        name = f"{measure}.{of}" if of else str(measure)
        section(console, f"What each change does to {name}, {parts['unit'].iloc[0]}", told)


def _print_keys(found: Comparison, console: Console) -> None:
    for scenario, rows in found.differing.groupby("scenario", sort=False):
        keys = rows["key"].tolist()
        more = f" and {len(keys) - _MOST_KEYS} more" if len(keys) > _MOST_KEYS else ""
        console.print()
        line(console, f"{scenario} differs from {found.today} in {', '.join(keys[:_MOST_KEYS])}{more}")


def _surely(share: float) -> str:
    return ">99 %" if share > 0.99 else f"{share:.0%}".replace("%", " %")  # noqa: PLR2004 - beyond, rounding says nothing


def sums_up(of: str) -> bool:
    """Whether a number of a measure is one that tells the whole of it."""
    return of in {"", "mean"} or of.rpartition(".")[2] == "total"
