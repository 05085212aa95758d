"""What a run shows that nobody may have meant: an account that nothing refills, and what no payment came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from sim.core.clock import DAY
from sim.core.currency import minor_digits
from sim.results.derived.system_days import limited
from sim.results.measures.value_dates import same_day
from sim.scenario.reach import named, reach
from sim.scenario.topology import book, zone_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from sim.results.run import Run
    from sim.scenario.model import Scenario

#: The least share of payments that settle on the day for which they were accepted, where a promise is kept.
_PROMISED: Final = 0.95
#: Accounts that are told one by one.
_TOLD: Final = 5
#: From so many payments on, what none of them came to is no matter of chance.
_MANY: Final = 500


def run_warnings(run: Run) -> tuple[str, ...]:
    """What is not wrong with a run and yet should be known, a sentence each; from tables that promises need, too."""
    return (*_dry(run), *_untouched(run), *_late(run))


def _late(run: Run) -> Iterator[str]:
    """A sentence if too many payments that were promised value on the same day do not settle on it."""
    promised, kept = same_day(run)
    if len(promised) and kept.mean() < _PROMISED:
        routes = named("route", sorted(promised["route"].unique()))
        yield (
            f"{(~kept).sum():,} of {len(promised):,} payments that were promised value on the same day did not settle "
            f"on it, more than 5 %: the promise ('value') of {routes} and the working times do not fit"
        )


def _dry(run: Run) -> Iterator[str]:
    """A sentence for each account that does not cover what waits on it, and that nothing but payments refills.

    One that a failed bank has frozen is another matter. An account still counts as refilled by payments if some money
    has come since the first of them began to wait and that was less than a day ago.
    """
    waiting, accounts = _waiting(run), run["accounts"].set_index("account")
    refilled = _refilled(run.scenario)
    can_end = set(accounts.index[limited(accounts)]) - set(run["frozen"]["account"])
    found = []
    for name, rows in waiting.groupby("debit_account", observed=True):
        account, since = accounts.loc[str(name)], rows["submitted_at"].min()
        covered = account["closing_balance"] - account["floor"]
        hopes = run.end.timestamp() - since.timestamp() < DAY and _credited_since(run, str(name), since)
        known = name in can_end and (account["holder"], account["system"]) not in refilled
        if known and rows["amount"].max() > covered and not hopes:
            payments, total = rows["payment_id"].nunique(), int(rows["amount"].sum())
            found.append((payments, str(name), total, since, account))
    found.sort(key=lambda one: (-one[0], one[1]))
    for payments, name, total, since, account in found[:_TOLD]:
        zone, code = zone_of(run.scenario, str(account["system"])), str(account["currency"])
        wait = "payments wait" if payments > 1 else "payment waits"
        first = " the first since" if payments > 1 else " since"
        yield (
            f"account {name!r} ran dry and nothing refills it: {payments:,} {wait} there at the end of the run, "
            f"{code} {total / 10 ** minor_digits(code):,.{minor_digits(code)}f} in all,{first} "
            f"{since.tz_convert(zone):%Y-%m-%d %H:%M} ({zone.key}); a 'treasury' or a facility would refill it, "
            "more 'prefund_days', 'balance' or 'credit' last longer"
        )
    if others := found[_TOLD:]:
        more = "1 more account" if len(others) == 1 else f"{len(others)} more accounts"
        yield f"{more} ran dry with nothing to refill them, where {sum(one[0] for one in others):,} payments wait"


def _waiting(run: Run) -> pd.DataFrame:
    """Movements of payments due in the period that wait for liquidity as the run ends."""
    stays, transfers, payments = run["steps"], run["transfers"], run["payments"]
    lasting = (stays["ended_at"] == run.end) & (stays["liquidity_seconds"] > 0)
    keys = ["payment_id", "attempt", "step"]
    stuck = stays.loc[lasting, keys].dropna().astype({"payment_id": "str"}).drop_duplicates()
    asked = transfers[(transfers["settled_at"].isna() & (transfers["kind"] == "payment")).to_numpy()]
    due = payments.loc[payments["counted"] & payments["credited_at"].isna(), "payment_id"]
    asked = asked[asked["payment_id"].isin(due)].astype({"payment_id": "str"})
    return asked.merge(stuck, on=keys)


def _refilled(scenario: Scenario) -> set[tuple[str, str]]:
    """Holder and system of the accounts into which money comes from elsewhere than from payments."""
    lent = {
        (bank, facility.system) for facility in scenario.facilities.values() for _, bank in facility.drawers()
    }
    kept = {
        (account.holder, account.system)
        for account in scenario.accounts
        if account.treasury is not None
        or account.funding is not None
        or ((system := book(scenario, account.system)) is not None and system.squaring is not None)
    }
    return lent | kept


def _credited_since(run: Run, account: str, since: pd.Timestamp) -> bool:
    postings = run["postings"]
    return bool(((postings["credit_account"] == account) & (postings["posted_at"] > since)).any())


def _untouched(run: Run) -> Iterator[str]:
    """A sentence for each kind of thing that payments could come to, and none of many did."""
    scenario, payments = run.scenario, run["payments"]
    if len(payments) < _MANY:
        return
    within, count = reach(scenario, detours=False), f"of {len(payments):,}"
    taken = set(payments["route"].dropna().unique())
    if left := [name for name in scenario.routes if name in within.routes - taken]:
        yield f"no payment {count} took {named('route', left)}"
    if left := [name for name in scenario.banks if name in within.banks - _met(run)]:
        yield f"no payment {count} came to {named('bank', left)}"
    # Of the reviews nothing is asked unless somebody declared a desk.
    if scenario.desks:
        seen = set(run["reviews"]["desk"].dropna().unique())
        if left := [name for name in scenario.desks if name in within.desks - seen]:
            yield f"no case {count} payments came to {named('desk', left)}"


def _met(run: Run) -> set[str]:
    """The banks of payers and payees, and those that hold or keep an account that was to be debited or credited."""
    payments, transfers = run["payments"], run["transfers"]
    accounts = run["accounts"].set_index("account")
    touched = np.unique(
        np.concatenate(
            [transfers[f"{way}_account"].dropna().unique().astype(str) for way in ("debit", "credit")]
        )
    )
    met = [payments["payer_bank"], payments["payee_bank"]]
    met += [accounts.loc[touched, column].dropna() for column in ("holder", "servicer")]
    return {str(bank) for names in met for bank in names.unique()}
