"""The life of a payment for somebody who has read nothing else: instants in both parties' local times, and why."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pandas as pd
from rich import box
from rich.table import Table

from sim.core.causes import REASONS
from sim.core.currency import minor_digits
from sim.core.releasers import WORDS as RELEASERS
from sim.scenario.topology import bank_zone
from sim.show.words import amount, day, duration, place, spelt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from sim.results.life import Life, Stay, Wait
    from sim.results.results import Results

_WIDTH: Final = 80
_HOUR: Final = 3_600
_WHEN: Final = "%a %d %b %H:%M:%S"


class _Clock(NamedTuple):
    """A zone in which times are told, and whose it is."""

    zone: str
    whose: str


class _Line(NamedTuple):
    """Something that is told of an instant; without one it belongs to the line before."""

    at: pd.Timestamp | None
    text: str
    style: str = ""


def print_life(results: Results, found: Life, console: Console) -> None:
    """Print where a payment was, instant by instant, in 80 columns or fewer if the console has fewer."""
    payment, width = found.payment, min(console.width, _WIDTH)
    for text in _head(results, payment):
        console.print(text, width=width, highlight=False, markup=False)
    clocks = _clocks(results, payment)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    for clock in clocks:
        table.add_column(f"{clock.zone.rpartition('/')[2]} ({clock.whose})", no_wrap=True)
    table.add_column("what happens")
    for line in (*_course(found.stays), *_end(results, payment)):
        times = ["" if line.at is None else f"{line.at.tz_convert(clock.zone):{_WHEN}}" for clock in clocks]
        table.add_row(*times, line.text, style=line.style)
    console.print(table, width=width, highlight=False)


def print_slowest(results: Results, names: Sequence[str], console: Console) -> None:
    """Print the payments of these names with their delays, a row each."""
    payments = results.payments.set_index(results.payments["payment_id"].astype("str"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
    for heading in ("payment", "delay", "amount", "route", "from", "to", "status"):
        table.add_column(heading, justify="right" if heading in ("delay", "amount") else "left")
    for name in names:
        row = payments.loc[name]
        hours = (_until(results, row) - row["instructed_at"]).total_seconds() / _HOUR
        at_least = "" if pd.notna(row["credited_at"]) else "≥ "
        table.add_row(
            name,
            at_least + duration(hours),
            _money(row["amount"], row["currency"]),
            str(row["route"]),
            str(row["payer_bank"]),
            str(row["payee_bank"]),
            str(row["status"]),
        )
    console.print(table, width=min(console.width, _WIDTH), highlight=False)
    console.print(
        f"sim trace {results.folder or 'RUN'} {names[0]} tells the life of the first",
        highlight=False,
        markup=False,
    )


def _head(results: Results, payment: dict[str, Any]) -> Iterator[str]:
    name = f"Payment {payment['payment_id']}"
    if pd.notna(payment["obligation_id"]):
        name += f" of {payment['obligation_id']}"
    worth = _money(payment["amount"], payment["currency"])
    who = "" if pd.isna(payment["payer"]) else f": {payment['payer']} pay {payment['payee']}"
    yield f"{name}{who} {worth}"
    way = f"over {payment['route']}" if str(payment["route"]) in results.scenario.routes else "directly"
    yield f"From {spelt(payment['payer_bank'])} to {spelt(payment['payee_bank'])}, {way}"
    zone = bank_zone(results.scenario, payment["payer_bank"])
    ordered, due = (payment[key].tz_convert(zone) for key in ("instructed_at", "due_at"))
    yield f"Ordered on {day(ordered)}, due on {day(due)}"
    yield ""


def _clocks(results: Results, payment: dict[str, Any]) -> list[_Clock]:
    """The local times of the payer's and of the payee's bank; one where they are the same."""
    found = [
        _Clock(bank_zone(results.scenario, payment["payer_bank"]).key, "payer"),
        _Clock(bank_zone(results.scenario, payment["payee_bank"]).key, "payee"),
    ]
    return found if found[0].zone != found[1].zone else [_Clock(found[0].zone, "both")]


def _course(stays: Sequence[Stay]) -> Iterator[_Line]:
    attempt = 0
    for stay in stays:
        if stay.attempt != attempt:
            attempt = stay.attempt
            again = "" if attempt == 1 else f" again: attempt {attempt}"
            yield _Line(stay.began_at, f"ordered{again}", "bold")
        key = f"system:{stay.system}" if stay.system else stay.place
        yield _Line(stay.began_at, _stayed(key, stay))
        for wait in stay.waits:
            yield from _waited(wait)
        for at, what, which in stay.happened:
            told = f"{day(date.fromisoformat(which))}" if what in _OF_DAYS else spelt(which)
            yield _Line(at, _HAPPENED[what].format(told))


_HAPPENED: Final = {
    "accepted": "accepted for value on {}",
    "missed": "too late for its value date, {}",
    "dealt": "the currency is dealt: {}",
    "taken_up": "an analyst takes the case up: {}",
    "sent_back": "sent back by {}",
    "returned": "the money is with {} again",
}


#: What happens for a day, and not at a place or by somebody.
_OF_DAYS: Final = ("accepted", "missed")


def _stayed(key: str, stay: Stay) -> str:
    """How long a payment was at a place, and why."""
    total = sum(stay.seconds.values())
    if not total:
        return f"{place(key)}: goes on at once"
    why = sorted(stay.seconds.items(), key=lambda item: -item[1])
    if len(why) == 1:
        return f"{place(key)}: {_lasting(total)}, {REASONS[why[0][0]]}"
    parts = ", ".join(f"{REASONS[reason]} {_lasting(seconds)}" for reason, seconds in why)
    return f"{place(key)}: {_lasting(total)} ({parts})"


def _waited(wait: Wait) -> Iterator[_Line]:
    code = wait.currency
    asks = f"{_money(wait.amount, code)} are asked of {wait.account}, on which {_money(wait.balance, code)} stand"
    if wait.ahead:
        asks += f"; {wait.ahead} before it in the queue, of {_money(wait.ahead_amount, code)}"
    yield _Line(wait.submitted_at, asks)
    if wait.money is not None and wait.released_by is not None:
        whose = "other money" if wait.money.payment is None else f"payment {wait.money.payment}"
        brought = f"{whose} brings {_money(wait.money.amount, code)} from {wait.money.debit_account}"
        if wait.balance_then is not None:
            brought += f" to the {_money(wait.balance_then, code)} that stand there"
        yield _Line(wait.money.at, f"released: {brought}")
    elif wait.released_by is not None:
        yield _Line(wait.settled_at, f"released: {RELEASERS[wait.released_by]}")
    if wait.settled_at is None:
        yield _Line(None, "not settled by the end of the run", "yellow")
    else:
        yield _Line(wait.settled_at, f"settled in {spelt(wait.system)}")


def _end(results: Results, payment: dict[str, Any]) -> Iterator[_Line]:
    until = _until(results, payment)
    hours = (until - payment["instructed_at"]).total_seconds() / _HOUR
    due = (until - payment["due_at"]).total_seconds() / _HOUR
    after = f"{duration(hours)} after the order" + (f", {duration(due)} after it was due" if due > 0 else "")
    if pd.notna(payment["credited_at"]):
        yield _Line(until, f"credited to the payee: {after}", "bold")
    elif payment["status"] == "cancelled":
        yield _Line(until, f"given up, and never credited; followed until {after}", "bold")
    else:
        yield _Line(until, f"the run ends, and the payee has no money: {after}", "bold")


def _until(results: Results, payment: Any) -> pd.Timestamp:  # noqa: ANN401 - a row as mapping or series
    """When the payee had the money, or when the run ended."""
    at = payment["credited_at"]
    return pd.Timestamp(results.manifest["followed_until"]) if pd.isna(at) else at


def _lasting(seconds: int) -> str:
    return f"{seconds} s" if seconds < 60 else duration(seconds / _HOUR)  # noqa: PLR2004 - a minute


def _money(minor: Any, currency: Any) -> str:  # noqa: ANN401 - a number and a name of a data frame
    return amount(int(minor) / 10 ** minor_digits(str(currency)), str(currency))
