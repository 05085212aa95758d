"""Settlement systems.

By system, over the movements submitted to it in the period (table `transfers`; a payment may ask several systems). A
system's **business day** is a working day of its hours, from its first session to the end of its last, also past
midnight; the days that overlap the period are counted. T is the end of the day of submission, e the instant of
submission, s that of settlement, a the amount. A measure that cannot be computed for a system, such as a ratio where
nothing was submitted, is null. The table `system_days` holds the numbers of each day. Accounts that can run dry are all
but servicers' own positions in their own books and the market's.

### Gridlock, deadlock, shortage

These are states of a gross system (`rtgs`, `correspondent`, `clearing`) after all of an instant at which it is open. If
nobody waits, there is none of them. It is a **gridlock** if a set of waiting payments exists that leaves no account below
its limit when it settles together, and that takes each bank's payments in the order of its queue, from the first one on
without a gap (Danmarks Nationalbank's conditions); limits, reservations and what is held back count like the balance. If
there is none, it is a **deadlock** where the banks wait for each other in a circle (A has a payment to B waiting, B one
to C, C one to A), and a **shortage** where they do not, so that nothing but money from elsewhere helps. (Danmarks
Nationalbank calls both deadlock.)

The order of a queue is `queue_entry` of `transfers`, which numbers the movements of a run in the order in which they
came to wait (missing for what settled at once); with `priority`, the payments' `priority` comes first; with `bypass`
it is the order of entry, though who is covered may pass. An episode is a stretch of one state in which nothing settles in
the system (movements of links included). Closing does not end it: its seconds are those in which the system is open, an
outage is none of them, and what changes while it is closed shows at the next opening. Payments that a bank's failure has
taken out of the queues wait no more. Systems that settle in cycles (`dns`, `hybrid`) have no such states and tell 0; what
waits in a link is in no queue of its legs, and links are told nothing of.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import isfinite
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.core.causes import STANDSTILLS
from sim.core.clock import DAY, HOUR, NEVER, local_instant
from sim.core.currency import minor_digits
from sim.results.columns import codes, seconds
from sim.results.days import business_days
from sim.results.derived.balances import balances_by_instant
from sim.results.derived.system_days import Submitted, limited, submitted
from sim.results.registry import Better, measure, shared
from sim.scenario.model.kinds import kinds_that
from sim.scenario.model.settlement import System
from sim.scenario.model.timing import seconds_after_midnight

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from sim.results.days import BusinessDays
    from sim.results.run import Run
    from sim.scenario.model import Scenario
    from sim.scenario.model.settlement import Throughput

    BySystem = dict[str, float | None]

_DAYS: Final = ("systems", "system_days")
_SUBMITTED: Final = ("systems", "transfers", "sessions")
_HOURS: Final = DAY // HOUR
_MONEY: Final = "{of}"


def by_system(
    unit: str, better: Better, needs: tuple[str, ...]
) -> Callable[[Callable[[Run, str], float]], Callable[[Run], BySystem]]:
    """Declare a function of a run and one of its systems as the measure of its name, by system.

    What is no finite number is null.
    """

    def declare(compute: Callable[[Run, str], float]) -> Callable[[Run], BySystem]:
        def of_all(run: Run) -> BySystem:
            found = {str(name): compute(run, str(name)) for name in run["systems"]["system"]}
            return {name: value if isfinite(value) else None for name, value in found.items()}

        of_all.__name__, of_all.__doc__, of_all.__module__ = (
            compute.__name__,
            compute.__doc__,
            compute.__module__,
        )
        return measure(unit, better, needs)(of_all)

    return declare


@shared
def _everything(run: Run) -> dict[str, Submitted]:
    """By system, everything that was asked of it in the run."""
    return {str(name): submitted(run, str(name)) for name in run["systems"]["system"]}


@shared
def _inside(run: Run) -> dict[str, Submitted]:
    """By system, what was submitted to it in the period."""
    start, end = run.period
    return {
        name: Submitted(
            *(column[(rows.submitted_at >= start) & (rows.submitted_at < end)] for column in rows)
        )
        for name, rows in _everything(run).items()
    }


def _scale(run: Run, system: str) -> float:
    table = run["systems"]
    return 10.0 ** minor_digits(str(table.loc[table["system"] == system, "currency"].iloc[0]))


def _counted_days(run: Run, system: str, *, busy: bool = False) -> pd.DataFrame:
    """The business days counted, or those of them on which anything was submitted."""
    table = run["system_days"]
    chosen = (table["system"] == system) & table["counted"] & ((table["submitted"] > 0) | (not busy))
    rows: pd.DataFrame = table[chosen]
    return rows


@by_system(_MONEY, "neither", _DAYS)
def value_per_day(run: Run, system: str) -> float:
    """Value submitted on a day; mean over days."""
    return _mean(_counted_days(run, system)["submitted"]) / _scale(run, system)


@by_system("0 to 1", "lower", _SUBMITTED)
def settlement_delay_indicator(run: Run, system: str) -> float:
    """Bank of Finland's indicator of delay: 0 if all settles at once, 1 if all at the end of the day.

    Σ a · (min(s, T) − e) / Σ a · (T − e) (Leinonen and Soramäki, in continuous time).
    """
    rows, days = _inside(run)[system], business_days(run)[system]
    amount, day_end = rows.amount.astype(np.float64), days.closes_at[rows.day]
    longest = (amount * (day_end - rows.submitted_at)).sum()
    waited = (amount * (np.minimum(rows.settled_at, day_end) - rows.submitted_at)).sum()
    return _ratio(waited, longest)


@by_system(_MONEY, "lower", _DAYS)
def liquidity_upper_bound(run: Run, system: str) -> float:
    """The money that a day takes if everything settles on submission; mean over days with submissions.

    Σ over accounts that can run dry of max(0, −min over time of received − sent).
    """
    return _mean(_counted_days(run, system, busy=True)["liquidity_upper_bound"]) / _scale(run, system)


@by_system(_MONEY, "lower", _DAYS)
def liquidity_lower_bound(run: Run, system: str) -> float:
    """The money that a day takes if everything settles together at its end; mean over days with submissions.

    Σ over accounts that can run dry of max(0, sent − received over the day).
    """
    return _mean(_counted_days(run, system, busy=True)["liquidity_lower_bound"]) / _scale(run, system)


@by_system("value sent / largest net debits of the same days", "higher", ("systems", "accounts", "intraday"))
def liquidity_efficiency(run: Run, system: str) -> float:
    """How much a unit of money settles: Σ sent / Σ `net_debit_peak` of the same days (table `intraday`).

    Over the accounts that can run dry.
    """
    accounts, table = run["accounts"], run["intraday"]
    mine = set(accounts.loc[limited(accounts) & (accounts["system"] == system).to_numpy(), "account"])
    rows = table[table["counted"].to_numpy() & table["account"].isin(mine).to_numpy()]
    return _ratio(rows["sent"].sum(), rows["net_debit_peak"].sum())


@by_system("share of value", "higher", (*_DAYS, "accounts", "postings"))
def netting_efficiency(run: Run, system: str) -> float:
    """What netting would save, or does: 1 − net value / gross value.

    1 − Σ over days and all accounts of max(0, sent − received) / Σ a; for a clearing account 1 − Σ over its cycles and
    agents of max(0, sent − received) / Σ sent, of payments settled in the period, whose bounds cut off the first and last
    cycle.
    """
    systems = run["systems"]
    kind = systems.loc[systems["system"] == system, "kind"].iloc[0]
    if kind in kinds_that(System, "squares"):
        return _clearing_efficiency(run, system)
    busy = _counted_days(run, system, busy=True)
    return 1 - _ratio(busy["net_value"].sum(), busy["submitted"].sum())


def _clearing_efficiency(run: Run, system: str) -> float:
    accounts, postings, (start, end) = run["accounts"], run["postings"], run.period
    mine = np.flatnonzero((accounts["system"] == system).to_numpy())
    debit, credit = codes(postings["debit_account"]), codes(postings["credit_account"])
    here = np.isin(debit, mine)
    paid = here & postings["payment_id"].notna().to_numpy()
    squared = here & ~paid
    # A batch of settlement begins a new cycle.
    cycle = np.cumsum(squared & (np.diff(squared.astype(np.int8), prepend=0) == 1))
    at = seconds(postings["posted_at"])
    rows = np.flatnonzero(paid & (at >= start) & (at < end))
    amount = postings["amount"].to_numpy()[rows]
    gross = int(amount.sum())
    if not gross:
        return float("nan")
    return 1 - _net(cycle[rows], debit[rows], credit[rows], amount, len(accounts)) / gross


def _net(
    cycle: NDArray[np.int64],
    debit: NDArray[np.int64],
    credit: NDArray[np.int64],
    amount: NDArray[np.int64],
    accounts: int,
) -> int:
    """Σ of max(0, sent − received) over cycles and accounts."""
    net = np.zeros((int(cycle.max()) + 1, accounts), dtype=np.int64)
    np.add.at(net, (cycle, debit), amount)
    np.subtract.at(net, (cycle, credit), amount)
    return int(np.maximum(net, 0).sum())


@by_system(_MONEY, "lower", _DAYS)
def queue_peak_value(run: Run, system: str) -> float:
    """Largest value submitted and not settled at one instant of the days counted."""
    return float(_counted_days(run, system)["queue_peak_value"].max()) / _scale(run, system)


@by_system(_MONEY, "lower", _SUBMITTED)
def unsettled_value(run: Run, system: str) -> float:
    """Value not settled by the end of the run."""
    rows = _inside(run)[system]
    return float(rows.amount[rows.settled_at == NEVER].sum()) / _scale(run, system)


@by_system("value a day / money available", "higher", (*_SUBMITTED, "accounts"))
def turnover_ratio(run: Run, system: str) -> float:
    """Settled value per day with submissions / opening balances and credit lines of the accounts that pay."""
    accounts, rows = run["accounts"], _inside(run)[system]
    mine = accounts[limited(accounts) & (accounts["system"] == system).to_numpy()]
    mine = mine[mine.index.isin(np.unique(rows.debit))]
    available = float((mine["opening_balance"] - mine["floor"]).sum())
    settled = float(rows.amount[rows.settled_at < NEVER].sum())
    return _ratio(settled, available * len(np.unique(rows.day)))


@by_system("share of value", "neither", (*_SUBMITTED, "offsettings"))
def offset_ratio(run: Run, system: str) -> float:
    """Value settled by offsetting / value submitted, in the whole run."""
    runs, rows = run["offsettings"], _everything(run)[system]
    return _ratio(runs.loc[(runs["system"] == system).to_numpy(), "settled_value"].sum(), rows.amount.sum())


@by_system("share of the proven bound", "lower", ("systems", "offsettings"))
def optimality_gap(run: Run, system: str) -> float:
    """Largest (bound − settled value) / bound of a run of `optimal` offsetting; null if there was none."""
    runs = run["offsettings"]
    return float(runs.loc[(runs["system"] == system).to_numpy(), "gap"].max())


def _standstills(column: str, unit: str, meaning: str) -> None:
    def of_all(run: Run) -> dict[str, int]:
        table = run["systems"]
        return {str(name): int(told) for name, told in zip(table["system"], table[column], strict=True)}

    of_all.__name__, of_all.__doc__ = column, meaning
    measure(unit, "lower", ("systems",))(of_all)


for _state in STANDSTILLS:
    _standstills(f"{_state}s", "episodes", f"How often a system fell into a {_state}, in the whole run.")
for _state in STANDSTILLS:
    _standstills(
        f"{_state}_seconds", "seconds", f"How long a system was open in a {_state}, in the whole run."
    )

_EXPOSURES: Final = ("systems", "accounts", "postings")


@measure(_MONEY, "lower", _EXPOSURES)
def credit_exposure_peak(run: Run) -> dict[str, dict[str, float]]:
    """What an agent of a clearing account owes at most in the period, by system and agent.

    Largest max(0, −position); the series of each day is in `balances`.
    """
    return {
        system: {name: peak for name, (peak, _) in held.items()} for system, held in _exposures(run).items()
    }


@measure(_MONEY, "lower", _EXPOSURES)
def credit_exposure_mean(run: Run) -> dict[str, dict[str, float]]:
    """What an agent of a clearing account owes in the mean, by system and agent.

    Time-weighted mean over the period of max(0, −position).
    """
    return {
        system: {name: mean for name, (_, mean) in held.items()} for system, held in _exposures(run).items()
    }


@shared
def _exposures(run: Run) -> dict[str, dict[str, tuple[float, float]]]:
    """Largest and time-weighted mean of max(0, −position) in the period, by clearing account and agent."""
    systems = run["systems"]
    kinds = kinds_that(System, "squares")
    found = systems.loc[systems["kind"].isin(kinds), "system"].tolist()
    return {str(system): _exposures_of(run, str(system)) for system in found}


def _exposures_of(run: Run, system: str) -> dict[str, tuple[float, float]]:
    accounts, at, (start, end) = run["accounts"], seconds(run["postings"]["posted_at"]), run.period
    held, found = balances_by_instant(run), {}
    for number in np.flatnonzero((accounts["system"] == system).to_numpy()).tolist():
        scale = 10.0 ** minor_digits(str(accounts["currency"].iloc[number]))
        owed = np.maximum(-np.append(0, held[number].balance), 0) / scale
        since = np.clip(np.append(start, at[held[number].posting]), start, end)
        lasted = np.append(since[1:], end) - since
        peak = owed[lasted > 0].max(initial=0.0)
        mean = (owed * lasted).sum() / (end - start)
        found[str(accounts["holder"].iloc[number])] = (float(peak), float(mean))
    return found


@measure("share of the value submitted that day", "higher", ("systems", "throughput"))
def throughput(run: Run) -> dict[str, dict[str, float]]:
    """Share of the value submitted on a day that has settled by each full hour of the system's clock.

    That instant included; mean over days with submissions. What settles on a later day never counts, so the last hour
    shows 1 − the share left over. Hours count from the local midnight that begins the business day: `T-1 21:00` is the
    evening before, `T+1 03:00` the night after. The table `throughput` tells the same for what was submitted and for each
    paying account.
    """
    table, found = run["throughput"], {}
    whole = table[table["account"].isna().to_numpy()]
    for system in run["systems"]["system"]:
        rows = whole[(whole["system"] == system).to_numpy()]
        found[str(system)] = {
            clock(hour): float(share)
            for hour, share in zip(rows["hour"].tolist(), rows["settled_share"], strict=True)
        }
    return found


def clock(hour: int) -> str:
    """An hour of a business day as opening hours are written: `T-1 21:00`, `09:00`, `24:00`, `T+1 03:00`."""
    if hour < 0:
        return f"T-1 {hour + _HOURS:02}:00"
    return f"{hour:02}:00" if hour <= _HOURS else f"T+1 {hour - _HOURS:02}:00"


def throughput_rules(scenario: Scenario) -> dict[str, tuple[Throughput, ...]]:
    """The throughput rules of those systems that have one."""
    return {name: system.rule for name, system in scenario.systems.items() if system.rule}


@measure("share of accounts and days", "higher", ("accounts", "transfers", "sessions"))
def throughput_met(run: Run) -> dict[str, dict[str, float | None]]:
    """How often banks kept to a system's `throughput` rule, by its times.

    Of the pairs of an account that can run dry and a day counted on which it was asked to pay, the share with sent ≥
    `share` · asked; asked: submitted on the day before that time, or waiting when the day began; sent: of that, settled
    by then, that instant included. Movements of links have no part in it.
    """
    found = {}
    for name, rule in throughput_rules(run.scenario).items():
        rows, days = submitted(run, name, links=False), business_days(run)[name]
        met = {point.by: list(_met(rows, point, days, limited(run["accounts"]))) for point in rule}
        found[name] = {by: sum(kept) / len(kept) if kept else None for by, kept in met.items()}
    return found


def _met(rows: Submitted, point: Throughput, days: BusinessDays, counts: np.ndarray) -> Iterator[bool]:
    """For each day counted and account that was asked to pay: whether it sent its share."""
    share, second = Fraction(point.share), seconds_after_midnight(point.by)
    for day in np.flatnonzero(days.counted):
        by = local_instant(days.date[day].item(), second, days.zone)
        asked = np.flatnonzero((rows.submitted_at < by) & (rows.settled_at >= days.opens_at[day]))
        value, sent = (np.zeros(len(counts), dtype=np.int64) for _ in range(2))
        np.add.at(value, rows.debit[asked], rows.amount[asked])
        done = asked[rows.settled_at[asked] <= by]
        np.add.at(sent, rows.debit[done], rows.amount[done])
        for account in np.flatnonzero(counts & (value > 0)):
            yield int(sent[account]) >= share * int(value[account])


def _mean(values: pd.Series) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _ratio(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else float("nan")
