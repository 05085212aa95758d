"""Payments that a user brings are taken exactly as written; the rows that cannot be are told, all at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from sim.core.clock import Seconds
from sim.core.currency import Amounts
from sim.errors import ScenarioError
from sim.scenario.tree import Mark
from sim.world.own_csv import csv_sheets
from sim.world.own_file import MAX_INPUT, cannot_be_read, opened
from sim.world.own_parquet import parquet_sheets
from sim.world.own_rows import Numbers, Rows
from sim.world.own_sheet import KNOWN, Findings, Sheet, Texts, too_large

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Setting:
    """What the scenario fixes: the times and names that rows may use, and what they need not say.

    Instructions fall into `[period_start, end)`, in UTC seconds; `zone` is that of times without an offset.
    A system settles one currency, a link one of two; a row that names none means the first. `banks` hold
    accounts, of which `accounts` has (holder, system) for each. A route passes some systems (the legs of its
    links among them), and has the currencies that all of them settle; its rows need not name a system.
    """

    zone: ZoneInfo
    period_start: int
    end: int
    currencies_of_system: Mapping[str, tuple[str, ...]]
    banks: Sequence[str]
    accounts: Container[tuple[str, str]]
    routes: Sequence[str] = ()
    default_system: str | None = None
    default_route: str | None = None
    systems_of_route: Mapping[str, Container[str]] = field(default_factory=dict)
    currencies_of_route: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    obstacle: Callable[[str, str, str, str], str | None] = lambda *_: None
    """What keeps a payment of two banks from a route, given its currency; None if nothing does."""
    link_of_route: Mapping[str, str] = field(default_factory=dict)
    """The link in which a route exchanges a payment, of the routes that have one."""
    rates: bool = True
    """Whether there are exchange rates, so that what a payment is exchanged for need not be stated."""


@dataclass(frozen=True, slots=True, eq=False)
class OwnPaymentsTable:
    """One row per payment, by instant of instruction, then by priority, higher first, then as in the file.

    Instants are UTC seconds and amounts minor units; banks, systems and routes are numbers in the order of
    the setting, −1 for no route, or for no system where there is a route. `counter_amount` is −1 where nothing
    is stated. `payment_id` is a column of Arrow, in which ten million of them take little.
    """

    payment_id: Texts
    instructed_at: Seconds
    due_at: Seconds
    payer_bank: Numbers
    payee_bank: Numbers
    amount: Amounts
    currency: NDArray[np.object_]
    priority: Numbers
    system: Numbers
    route: Numbers
    counter_amount: Amounts

    def __len__(self) -> int:
        return len(self.amount)


def read_payments(path: Path, setting: Setting, max_input: int = MAX_INPUT) -> OwnPaymentsTable:
    """The payments of a CSV file (UTF-8, commas), or of a Parquet file if its suffix is `.parquet`.

    Nothing is rounded or guessed: ScenarioError with every row that says what cannot be, at its line, up to
    `MOST_TOLD` of them and the number of the others; and for a file that would take more than `max_input`
    bytes when read, as soon as that is known. A payment without a route needs accounts of both banks in its
    system, and one with a route whatever its steps need.
    """
    typed = path.suffix.lower() == ".parquet"
    name = str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
    findings = Findings(str(Mark(name)), "row" if typed else "line")
    rows = Rows(setting, findings)
    try:
        for sheet in _sheets(path, findings, max_input, typed=typed):
            rows.take(sheet)
            if (needed := rows.needed(sheet)) > max_input:
                findings.add(0, "", too_large(needed, max_input))
                break
    except OSError as error:
        findings.add(0, "", cannot_be_read(error))
    rows.check_all()
    if findings.count:
        raise ScenarioError(findings.problems())
    return OwnPaymentsTable(**rows.columns())


def _sheets(path: Path, findings: Findings, max_input: int, *, typed: bool) -> Iterator[Sheet]:
    with opened(path, findings, max_input, "payments", typed=typed) as found:
        if found is None:
            return
        file, size = found
        if typed:
            yield from parquet_sheets(file, size, max_input, findings)
        else:
            yield from csv_sheets(file, size, findings, KNOWN, "payments")
