"""Whatever bounds a bank holds at every instant for which it is stated: the saved tables and the scenario show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.core.currency import to_minor
from sim.errors import PromiseError
from sim.results.columns import codes, seconds
from sim.scenario.topology import books

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from sim.core.clock import Seconds
    from sim.core.currency import Amounts
    from sim.scenario.model import Scenario
    from sim.scenario.model.network import Account

    Flags = NDArray[np.bool_]
    Tables = Callable[[str], pd.DataFrame]


#: From which priority on a payment is urgent.
_URGENT: Final = 1


def check_limits(table: Tables, scenario: Scenario) -> None:
    """Raise `PromiseError`, naming what was passed and by which posting or when, unless every bound holds.

    `table` gives a table by its name; no more are asked for than the scenario has bounds. Overdraft limits are looked
    at with the balances, see `check_promises`. Limits and reservations of a system in which a bank holds back are left
    out: what is let go as a day begins may count for the day before, and tables do not tell which.
    """
    _frozen_accounts_stand_still(table("frozen"), table("postings"))
    _facilities_lend_within_their_limits(table, scenario)
    holding = {account.system for account in scenario.accounts if account.holds is not None}
    bounded = [one for one in scenario.accounts if _is_bounded(one) and one.system not in holding]
    if bounded:
        _banks_keep_within_their_bounds(table, scenario, bounded)


def _is_bounded(account: Account) -> bool:
    limits = account.limits
    return bool(limits.bilateral or limits.multilateral is not None or account.reserved)


def _frozen_accounts_stand_still(frozen: pd.DataFrame, postings: pd.DataFrame) -> None:
    for account, since in zip(frozen["account"], frozen["frozen_at"], strict=True):
        touched = (postings["debit_account"] == account) | (postings["credit_account"] == account)
        moved = np.flatnonzero(touched & (postings["posted_at"] >= since))
        if len(moved):
            raise PromiseError(
                f"account {account}: it is frozen since {since}, "
                f"and posting {postings['posting_id'].iloc[int(moved[0])]} moves money on it"
            )


def _facilities_lend_within_their_limits(table: Tables, scenario: Scenario) -> None:
    for name, facility in scenario.facilities.items():
        loans = table("borrowings")
        loans = loans[(loans["facility"] == name) & (loans["kind"] == facility.kind)]
        currency = books(scenario)[facility.system].currency
        accounts = [f"{bank}@{facility.system}" for bank in facility.banks]
        together = [accounts] if facility.shared else [[account] for account in accounts]
        for bank, several in zip(facility.banks, together, strict=False):
            rows = loans[loans["account"].isin(several)]
            owed = _most_owed(rows, seconds(rows["drawn_at"]), seconds(rows["repaid_at"]))
            limit = facility.limit_of(bank, currency)
            if owed > limit:
                whose = "all together" if facility.shared else bank
                raise PromiseError(f"facility {name}: {whose} owed {owed}, more than its limit of {limit}")


def _most_owed(loans: pd.DataFrame, drawn_at: Seconds, repaid_at: Seconds) -> int:
    """The most that was drawn and not repaid at an instant."""
    amount = loans["amount"].to_numpy(dtype=np.int64)
    change, at = np.concatenate([amount, -amount]), np.concatenate([drawn_at, repaid_at])
    # What is repaid at an instant can be drawn again at it.
    order = np.lexsort((change, at))
    return int(np.cumsum(change[order]).max(initial=0))


class _Moves(NamedTuple):
    """All that moved on one account, in the order of the postings; `sent` is negative for what it received.

    `other` is the account at the other end, `day` numbers the days of the system's hours.
    `payment` marks what its system settled, `urgent` such of that, `last` the last row of each batch.
    """

    posting: NDArray[np.int64]
    batch: NDArray[np.int64]
    other: NDArray[np.int64]
    sent: Amounts
    day: NDArray[np.int64]
    payment: Flags
    urgent: Flags
    last: Flags

    def in_batch(self, rows: Flags) -> Flags:
        """By row: whether any of `rows` is in its batch."""
        return np.isin(self.batch, self.batch[rows])

    def on_day(self, amount: Amounts) -> Amounts:
        """Sums of amounts up to each row, begun anew on each day."""
        total, day = np.cumsum(amount), self.day
        first = np.flatnonzero(np.append(True, day[1:] != day[:-1])[: len(day)])
        before: Amounts = np.repeat((total - amount)[first], np.diff(np.append(first, len(day))))
        return np.asarray(total - before)


def _banks_keep_within_their_bounds(table: Tables, scenario: Scenario, bounded: list[Account]) -> None:
    accounts, postings, sessions = table("accounts"), table("postings"), table("sessions")
    number = {label: k for k, label in enumerate(accounts["account"])}
    of_payments = _of_payments(postings, table("transfers"))
    urgent = of_payments & _urgent(postings, table("payments"))
    for account in bounded:
        mine = number[f"{account.holder}@{account.system}"]
        moves = _moves(mine, postings, of_payments, urgent, sessions[sessions["system"] == account.system])
        kept = accounts.iloc[mine]
        balance = int(kept["opening_balance"]) - np.cumsum(moves.sent)
        for what, passed in (
            *_limits(account, scenario, moves, number),
            *_reserves(account, scenario, moves, balance, int(kept["floor"])),
        ):
            wrong = np.flatnonzero(passed & moves.last)
            if len(wrong):
                raise PromiseError(
                    f"account {kept['account']}: posting {moves.posting[wrong[0]]} passed {what}"
                )


def _of_payments(postings: pd.DataFrame, transfers: pd.DataFrame) -> Flags:
    """Postings of payments that a system settled for itself; what links move is beside all bounds."""
    found = postings["payment_id"].notna()
    linked = transfers.loc[transfers["link"].notna(), ["payment_id", "step"]].drop_duplicates()
    if len(linked):
        steps = postings[["payment_id", "step"]].merge(linked, how="left", indicator="by")
        found &= (steps["by"] != "both").to_numpy()
    return found.to_numpy()


def _urgent(postings: pd.DataFrame, payments: pd.DataFrame) -> Flags:
    urgent = payments.loc[payments["priority"] >= _URGENT, "payment_id"]
    return postings["payment_id"].isin(urgent).to_numpy()


def _moves(
    account: int, postings: pd.DataFrame, of_payments: Flags, urgent: Flags, sessions: pd.DataFrame
) -> _Moves:
    debit, credit = codes(postings["debit_account"]), codes(postings["credit_account"])
    rows = np.flatnonzero((debit == account) | (credit == account))
    out = debit[rows] == account
    amount = postings["amount"].to_numpy()[rows]
    at, batch = seconds(postings["posted_at"])[rows], postings["batch"].to_numpy()[rows]
    dates = sessions["business_day"].to_numpy()
    session = np.searchsorted(seconds(sessions["opens_at"]), at, side="right") - 1
    return _Moves(
        posting=postings["posting_id"].to_numpy()[rows],
        batch=batch,
        other=np.where(out, credit[rows], debit[rows]),
        sent=np.where(out, amount, -amount),
        day=np.cumsum(np.append(True, dates[1:] != dates[:-1]))[session],
        payment=of_payments[rows],
        urgent=urgent[rows],
        last=np.append(batch[1:] != batch[:-1], True)[: len(rows)],
    )


def _limits(
    account: Account, scenario: Scenario, moves: _Moves, number: dict[str, int]
) -> Iterator[tuple[str, Flags]]:
    """Where more was sent on a day than a limit, net of what was received, and something of it in that batch."""
    currency, system = books(scenario)[account.system].currency, account.system
    single = {number[f"{bank}@{system}"]: bank for bank in account.limits.bilateral}
    towards = [
        (moves.other == k, account.limits.bilateral[bank], f" to {bank}") for k, bank in single.items()
    ]
    if account.limits.multilateral is not None:
        others = ~np.isin(moves.other, list(single))
        towards.append((others, account.limits.multilateral, " to all others"))
    for concerned, limit, whom in towards:
        mine = concerned & moves.payment
        sent = moves.on_day(np.where(mine, moves.sent, 0))
        used = moves.in_batch(mine & (moves.sent > 0))
        yield f"its limit of what it sends{whom}", used & (sent > to_minor(limit, currency))


def _reserves(
    account: Account, scenario: Scenario, moves: _Moves, balance: Amounts, floor: int
) -> Iterator[tuple[str, Flags]]:
    """Where an ordinary payment took what is reserved for urgent ones."""
    currency = books(scenario)[account.system].currency
    out = moves.payment & (moves.sent > 0)
    ordinary = moves.in_batch(out & ~moves.urgent)
    urgent = np.where(out & moves.urgent, moves.sent, 0)
    left = to_minor(account.reserved, currency) - moves.on_day(urgent)
    yield "what it has reserved", ordinary & (balance - floor < left)
