"""Liquidity and what payments cost.

Amounts are in the account's own currency where they are told by account. The monitoring tools are those of the Basel
Committee (BCBS 248, April 2013) by account, from the table `intraday`: the worst day, the mean of the three worst and the
mean of all days counted. The tools ask banks about collateral and commitments, too; nothing of the kind is known here.
Who bears costs differs: firms pay fees and spread, banks pay for liquidity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from sim.core.clock import NEVER
from sim.core.currency import minor_digits, round_half_even
from sim.results.columns import seconds
from sim.results.derived.costs import COMPONENTS
from sim.results.measures.exposure import fx_result
from sim.results.measures.payments import value as value_of_payments
from sim.results.measures.sums import of_counted, plain, ratio
from sim.results.registry import measure, shared
from sim.scenario.topology import MARKET

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.results.run import Run

    Worst = dict[str, dict[str, float | None]]

_BPS: Final = 10_000
#: How many of the worst days the tools ask for.
_WORST: Final = 3
_INTRADAY: Final = ("accounts", "intraday")
#: What a tool tells of days.
_DAYS: Final = ("largest", "mean_of_three_largest", "mean")


def liquidity_used_by_account(run: Run) -> pd.Series[int]:
    """Largest fall below the opening balance by account, max(0, opening − lowest), in minor units."""
    lowest = run["balances"].groupby("account", observed=True)["lowest_balance"].min()
    opening = run["accounts"].set_index("account")["opening_balance"]
    return (opening - lowest.reindex(opening.index)).clip(lower=0)


@shared
def _declared(run: Run) -> pd.DataFrame:
    """The accounts that banks hold with others, with what they have `used` of their balance in minor units."""
    accounts = run["accounts"]
    found = accounts[(accounts["holder"] != MARKET) & (accounts["holder"] != accounts["servicer"])]
    return found.assign(used=liquidity_used_by_account(run).loc[found["account"]].to_numpy())


def _major(run: Run) -> pd.Series[float]:
    rows = _declared(run)
    return (rows["used"] / _scales(rows["currency"])).set_axis(rows["account"])


def _scales(currencies: pd.Series[str]) -> NDArray[np.float64]:
    """Minor units of a major unit of each currency."""
    return np.array([10.0 ** minor_digits(code) for code in currencies], dtype=np.float64)


@measure("{of}", "lower", ("accounts", "balances"))
def liquidity_used(run: Run) -> dict[str, float]:
    """Largest fall of an account below its opening balance over the run, by account.

    max(0, opening balance − lowest balance).
    """
    return plain(_major(run))


@measure("{of}", "lower", ("systems", "accounts", "balances"))
def liquidity_used_by_system(run: Run) -> dict[str, float]:
    """The sum of it over a system's accounts."""
    by_system = _major(run).groupby(_declared(run)["system"].to_numpy()).sum()
    return dict.fromkeys(run["systems"]["system"], 0.0) | plain(by_system)


@measure("{reporting}", "lower", ("fx", "accounts", "balances"))
def liquidity_used_total(run: Run) -> float:
    """The sum of it over all accounts, each valued at the start of the period."""
    rows = _declared(run)
    return float(run.value(rows["used"], rows["currency"], run.period[0]).sum()) / run.scale


@shared
def _by_account(run: Run) -> dict[str, pd.DataFrame]:
    """Rows of `intraday` of the business days counted, amounts in major units, by account."""
    rows, accounts = run["intraday"], run["accounts"]
    rows = rows[rows["counted"].to_numpy()]
    scales = dict(zip(accounts["account"], _scales(accounts["currency"]), strict=True))
    amounts = [name for name in rows.columns if name not in {"account", "business_day", "counted"}]
    return {
        str(name): group[amounts] / scales[name] for name, group in rows.groupby("account", observed=True)
    }


def _accounts_of(run: Run, *, servicers: bool) -> list[str]:
    """Accounts of servicers in their own books, or those that banks hold with others."""
    accounts = run["accounts"]
    own = accounts["holder"] == accounts["servicer"]
    chosen = own if servicers else ~own & (accounts["holder"] != MARKET)
    return accounts.loc[chosen, "account"].tolist()


def _tool(
    run: Run, column: str, *, servicers: bool = False, least: bool = False, some: bool = False
) -> Worst:
    """The worst day, the three worst and all days, by account; of `some` only where there is anything to tell."""
    by_account = _by_account(run)
    return {
        name: _worst(by_account[name][column] if name in by_account else None, least=least)
        for name in _accounts_of(run, servicers=servicers)
        if not some or (name in by_account and by_account[name][column].any())
    }


def _worst(by_day: pd.Series | None, *, least: bool) -> dict[str, float | None]:
    word = "smallest" if least else "largest"
    names = (word, f"mean_of_three_{word}", "mean")
    if by_day is None:
        return dict.fromkeys(names)
    values = np.sort(by_day.to_numpy(dtype=np.float64))
    ordered = values if least else values[::-1]
    return dict(
        zip(names, (float(ordered[0]), float(ordered[:_WORST].mean()), float(values.mean())), strict=True)
    )


@measure("{of}", "lower", _INTRADAY)
def intraday_liquidity_usage(run: Run) -> Worst:
    """Largest excess of payments sent over payments received at one instant since the day opened.

    Column `net_debit_peak`.
    """
    return _tool(run, "net_debit_peak")


@measure("{reporting}", "lower", (*_INTRADAY, "fx"))
def intraday_liquidity_usage_total(run: Run) -> float:
    """The sum over accounts of their mean day, valued at the start of the period."""
    usage = _tool(run, "net_debit_peak")
    accounts = run["accounts"].set_index("account").loc[list(usage)]
    means = np.array([told["mean"] or 0.0 for told in usage.values()], dtype=np.float64)
    amounts = round_half_even(means * _scales(accounts["currency"]))
    minor = pd.Series(amounts, index=accounts.index)
    return int(run.value(minor, accounts["currency"], run.period[0]).sum()) / run.scale


@measure("{of}", "higher", _INTRADAY)
def intraday_liquidity_available(run: Run) -> Worst:
    """Balance and credit line as the day opens, before anything of that instant: the smallest days.

    Column `available`.
    """
    return _tool(run, "available", least=True)


@measure("{of} a day", "neither", _INTRADAY)
def payments_sent(run: Run) -> Worst:
    """Value of payments sent that settled, by day.

    Column `sent`.
    """
    return _tool(run, "sent")


@measure("{of} a day", "neither", _INTRADAY)
def payments_received(run: Run) -> Worst:
    """Value of payments received that settled, by day.

    Column `received`.
    """
    return _tool(run, "received")


@measure(
    {**dict.fromkeys(_DAYS, "{of} a day"), "late": "{of}"},
    {**dict.fromkeys(_DAYS, "neither"), "late": "lower"},
    _INTRADAY,
)
def time_specific_obligations(run: Run) -> Worst:
    """Value of payments of the user's own with a time to settle by, on the day in which it falls due.

    Those whose `due_at` is later than `instructed_at`; `late`: of these, not settled when due, sum over days. Columns
    `time_specific`, `time_specific_late`.
    """
    found = _tool(run, "time_specific", some=True)
    for name, told in found.items():
        told["late"] = float(_by_account(run)[name]["time_specific_late"].sum())
    return found


@measure("{of} a day", "neither", _INTRADAY)
def correspondent_payments(run: Run) -> Worst:
    """Value sent from the accounts that a servicer keeps for others, by its own account.

    Column `on_behalf`.
    """
    return _tool(run, "on_behalf", servicers=True)


@measure("{of}", {**dict.fromkeys(_DAYS, "lower"), "lines": "neither"}, _INTRADAY)
def customer_credit(run: Run) -> Worst:
    """Largest use of the credit lines of those accounts, all of them together at one instant; `lines` is their sum.

    Columns `customer_credit_peak`, `customer_credit`.
    """
    by_account = _by_account(run)
    found = {
        name: told
        for name, told in _tool(run, "customer_credit_peak", servicers=True).items()
        if name in by_account and by_account[name]["customer_credit"].any()
    }
    for name, told in found.items():
        told["lines"] = float(by_account[name]["customer_credit"].max())
    return found


@measure(
    {"loans": "loans", "drawn": "{of}", "peak": "{of}", "rolled": "rollovers"}, "neither", ("borrowings",)
)
def facility_use(run: Run) -> dict[str, dict[str, float]]:
    """What banks borrowed over the run, by facility or pool.

    Number of `borrowings` with `rolled` = 0 and their amount (`drawn`), the most outstanding at an instant (`peak`), number
    of rows `rolled` over.
    """
    found: dict[str, dict[str, float]] = {}
    for (name, currency), rows in run["borrowings"].groupby(["facility", "currency"], observed=True):
        scale = 10.0 ** minor_digits(str(currency))
        fresh = rows["rolled"] == 0
        at = np.concatenate([seconds(rows["received_at"]), seconds(rows["repaid_at"])])
        change = np.concatenate([rows["amount"], -rows["amount"]])
        # At one instant, what is repaid leaves before what is lent comes in.
        course = np.cumsum(change[np.lexsort((change, at))][np.sort(at) < NEVER])
        found[str(name)] = {
            "loans": int(fresh.sum()),
            "drawn": float(rows.loc[fresh, "amount"].sum()) / scale,
            "peak": float(course.max(initial=0)) / scale,
            "rolled": int((~fresh).sum()),
        }
    return found


_COSTS: Final = ("fx", "liquidity_costs")


@shared
def _valued_costs(run: Run) -> pd.DataFrame:
    costs = run["liquidity_costs"]
    return costs.assign(value=run.value(costs["amount"], costs["currency"], costs["valued_at"]))


@measure("{reporting}", "lower", _COSTS)
def liquidity_cost(run: Run) -> dict[str, float]:
    """What liquidity cost in the period, by component, and in `total`.

    Σ value at `valued_at` of the table `liquidity_costs`.
    """
    return _by_component(run, _valued_costs(run))


@measure("{reporting}", "lower", _COSTS)
def liquidity_cost_by_system(run: Run) -> dict[str, dict[str, float]]:
    """The same by system."""
    groups = _valued_costs(run).groupby("system", observed=True)
    return {str(system): _by_component(run, rows) for system, rows in groups}


def _by_component(run: Run, costs: pd.DataFrame) -> dict[str, float]:
    sums = costs.groupby("component", observed=True)["value"].sum()
    found = {component: float(sums.get(component, 0)) / run.scale for component in COMPONENTS}
    return found | {"total": float(costs["value"].sum()) / run.scale}


_FEES: Final = ("fx", "payments", "fees")


@shared
def _fees(run: Run) -> pd.DataFrame:
    rows = of_counted(run, run["fees"])
    return rows.assign(value=run.value(rows["amount"], rows["currency"], rows["charged_at"]))


@measure("{reporting}", "lower", _FEES)
def fees(run: Run) -> float:
    """Fees of counted payments, at `charged_at`."""
    return float(_fees(run)["value"].sum()) / run.scale


@measure("{reporting}", "lower", _FEES)
def fees_by_kind(run: Run) -> dict[str, float]:
    """The same by kind of step."""
    return plain(_fees(run).groupby("kind", observed=True)["value"].sum() / run.scale)


@measure(
    {"total": "{reporting}", "at_least": "{reporting}", "per_payment": "{reporting}"},
    "lower",
    ("payments", "delay_costs"),
)
def delay_cost(run: Run) -> dict[str, float]:
    """What the delay of counted payments costs at the scenario's `delay_price`; nothing where it states none.

    `total` is Σ `cost` of `delay_costs`, `at_least` the part of it that goes on after the end of the run, `per_payment`
    the total by number of payments.
    """
    rows = of_counted(run, run["delay_costs"])
    if run.scenario.delay_price is None:
        return {}
    total = int(rows["cost"].sum())
    return {
        "total": total / run.scale,
        "at_least": int(rows.loc[rows["at_least"], "cost"].sum()) / run.scale,
        "per_payment": ratio(total / run.scale, len(rows)),
    }


@measure("basis points of value", "lower", (*_FEES, "fx_results", "liquidity_costs", "delay_costs"))
def payment_cost_bps(run: Run) -> dict[str, float]:
    """A payment's whole cost: fees, the spread of firms, liquidity of banks, delay, and in `total`.

    10,000 · cost / `value`: `fees`; `spread`, which is −Σ of the spread cause of `fx_result`; `liquidity`, which is the
    total of `liquidity_cost`; `delay`, which is the total of `delay_cost`; and their sum.
    """
    paid = value_of_payments(run)
    parts = {
        "fees": fees(run),
        "spread": -sum(side.get("spread", 0.0) for side in fx_result(run).values()),
        "liquidity": liquidity_cost(run)["total"],
        "delay": delay_cost(run).get("total", 0.0),
    }
    found = {name: float(_BPS * part / paid) if paid else 0.0 for name, part in parts.items()}
    return found | {"total": sum(found.values())}


@measure("{reporting}", "lower", ("fx", "payments", "accounts", "frozen"))
def frozen_value(run: Run) -> dict[str, dict[str, float]]:
    """Value frozen by the failure of each bank: `balances` on its accounts, and `payments` from or to it.

    `balances` is Σ of positive balances on its frozen accounts at the last instant; a servicer's own position in its own
    books, which is what it owes, is left out. `payments` is Σ of those from or to it that are neither credited nor given
    up by then, at `due_at` or the last instant, whichever comes first.
    """
    frozen, payments = run["frozen"], run["payments"]
    accounts = run["accounts"].set_index("account").loc[frozen["account"]]
    own = (accounts["holder"] == accounts["servicer"]).to_numpy()
    balance = frozen["balance"].clip(lower=0).mask(own, 0)
    held = run.value(balance, frozen["currency"], run.window.end - 1)
    pending = payments[payments["status"].isin(["pending", "returned"])]
    # What was ordered early may fall due after the last rate.
    due_at = np.minimum(seconds(pending["due_at"]), run.window.end - 1)
    worth = run.value(pending["amount"], pending["currency"], due_at)
    found = {}
    for bank in frozen["bank"].unique():
        concerned = (pending["payer_bank"] == bank) | (pending["payee_bank"] == bank)
        found[str(bank)] = {
            "balances": float(held[frozen["bank"] == bank].sum() / run.scale),
            "payments": float(worth[concerned].sum() / run.scale),
        }
    return found
