"""Payments that a user brings are taken exactly as written; the rows that cannot be are told, all at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sim.core.clock import Seconds, from_instant
from sim.core.currency import Amounts, minor_digits
from sim.errors import Problem, ScenarioError
from sim.scenario.model.base import nearest
from sim.scenario.tree import Place, dotted
from sim.world.own_cells import amount, amounts, instant, instants, shown, whole_number, whole_numbers
from sim.world.own_sheet import Finding, Findings, Sheet, any_csv, parquet, sound_csv

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from sim.world.own_cells import Texts

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]

NEEDED: Final = ("payment_id", "instructed_at", "payer_bank", "payee_bank", "amount")
OPTIONAL: Final = ("currency", "priority", "due_at", "route", "system", "counter_amount")

_LONGEST_NAME: Final = 60
_MOST_IN_ALL: Final = 2.0**62
#: Rows among which something is wrong are split into so many parts, until few are left.
_PARTS: Final = 10
_FEW: Final = 50


@dataclass(frozen=True, slots=True)
class Setting:
    """What the scenario fixes: the times and names that rows may use, and what they need not say.

    Instructions fall into `[period_start, end)`, in UTC seconds; `zone` is that of times without an offset.
    A system settles one currency, a link one of two; a row that names none means the first. `banks` hold
    accounts, of which `accounts` has (holder, system) for each.
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
    the setting, −1 for no route. `counter_amount` is −1 where nothing is stated.
    """

    payment_id: NDArray[np.object_]
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


def read_payments(path: Path, setting: Setting) -> OwnPaymentsTable:
    """The payments of a CSV file (UTF-8, commas), or of a Parquet file if its suffix is `.parquet`.

    Nothing is rounded or guessed: ScenarioError with every row that says what cannot be, at its line, up to
    `MOST_TOLD` of them and the number of the others. A payment without a route needs accounts of both banks
    in its system, and one with a route whatever its steps need.
    """
    name = str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = (
            "it is a folder" if isinstance(error, IsADirectoryError) else getattr(error, "strerror", error)
        )
        raise ScenarioError([Problem(str(Place(name)), "", f"the file cannot be read: {reason}")]) from None
    if path.suffix.lower() == ".parquet":
        rows = _Rows(parquet(data), setting)
    else:
        quick = sound_csv(data)
        rows = _Rows(quick or any_csv(data), setting)
        # The slow reading knows the lines, and understands what the quick one does not.
        if quick and rows.findings.count:
            rows = _Rows(any_csv(data), setting)
    if rows.findings.count:
        raise ScenarioError(rows.findings.problems(str(Place(name))))
    return rows.table


class _Rows:
    """The rows of a sheet, understood column by column; `table` is good only if nothing was found."""

    def __init__(self, sheet: Sheet, setting: Setting) -> None:
        self._sheet, self._setting, self._count = sheet, setting, len(sheet.lines)
        self._systems = tuple(setting.currencies_of_system)
        self.findings = Findings(sheet)
        if sheet.names:
            self._check_names()
        self.table = self._table()

    def _table(self) -> OwnPaymentsTable:
        setting = self._setting
        payment_id = self._ids()
        instructed_at = self._instants("instructed_at", setting.period_start)
        self._check_period(instructed_at)
        due_at = self._instants("due_at", instructed_at)
        system = self._named("system", self._systems, setting.default_system)
        route = self._named("route", setting.routes, setting.default_route)
        payer_bank = self._named("payer_bank", setting.banks)
        payee_bank = self._named("payee_bank", setting.banks)
        self._check_banks(payer_bank, payee_bank, np.where(route < 0, system, -1))
        currency = self._currency(system)
        amount = self._amounts("amount", currency, 1)
        self._check_routes(np.stack([payer_bank, payee_bank, route, system]), currency)
        counter_amount = self._counter_amounts(system, route, currency)
        priority = self._each(
            "priority", 0, lambda texts, _: whole_numbers(texts), lambda text, _: whole_number(text)
        )
        order = np.lexsort((-priority, instructed_at))  # stable: equal rows stay as in the file
        return OwnPaymentsTable(
            payment_id=payment_id[order],
            instructed_at=instructed_at[order],
            due_at=due_at[order],
            payer_bank=payer_bank[order],
            payee_bank=payee_bank[order],
            amount=amount[order],
            currency=currency[order],
            priority=priority[order],
            system=system[order],
            route=route[order],
            counter_amount=counter_amount[order],
        )

    def _check_names(self) -> None:
        times, line = Counter(self._sheet.names), self._sheet.heading
        free = [name for name in (*NEEDED, *OPTIONAL) if name not in times]
        found = []
        for name in times:
            if name not in (*NEEDED, *OPTIONAL):
                found.append(
                    Finding(line, dotted((name[:_LONGEST_NAME],)), "unknown column", nearest(name, free))
                )
            elif times[name] > 1:
                found.append(Finding(line, name, "this column stands here twice"))
        found += [Finding(line, name, "this column is missing") for name in free if name in NEEDED]
        if "system" in free and self._setting.default_system is None:
            found.append(Finding(line, "system", "this column is missing, and the scenario names no system"))
        self.findings.add(found)

    def _each(
        self,
        column: str,
        default: int | Numbers,
        at_once: Callable[[Texts, Numbers], Numbers],
        one: Callable[[str, int], int],
    ) -> Numbers:
        """Values by row, of texts and row numbers: all at once, or one by one where something is wrong.

        The default stands where an optional column is empty, and where a text is found to be wrong.
        """
        values = np.array(np.broadcast_to(default, self._count), dtype=np.int64)
        if column not in self._sheet.texts:
            return values
        texts = self._sheet.texts[column]
        parts = [np.flatnonzero(self._sheet.stated(column) | (column in NEEDED))]
        wrong: dict[int, str] = {}
        while parts:
            rows = parts.pop()
            try:
                values[rows] = at_once(texts.take(pa.array(rows)), rows)
            except ValueError:
                if len(rows) > _FEW:
                    parts += np.array_split(rows, _PARTS)
                    continue
                for row in rows.tolist():
                    try:
                        values[row] = one(texts[row].as_py(), row)
                    except ValueError as error:
                        wrong[row] = str(error)
        self.findings.blame(column, np.isin(np.arange(self._count), list(wrong)), wrong.__getitem__)
        return values

    def _ids(self) -> NDArray[np.object_]:
        if "payment_id" not in self._sheet.texts:
            return np.zeros(self._count, dtype=np.object_)
        texts, stated = self._sheet.texts["payment_id"], self._sheet.stated("payment_id")
        self.findings.blame("payment_id", ~stated, lambda _: "a payment needs an id")
        coded = texts.dictionary_encode()
        if len(coded.dictionary) < self._count:
            codes = np.asarray(coded.indices)
            first = np.unique(codes, return_index=True)[1][codes]
            self.findings.blame(
                "payment_id",
                stated & (first < np.arange(self._count)),
                lambda row: (
                    f"{shown(texts[row].as_py())} stands here again; "
                    f"first on {self._sheet.unit} {self._sheet.lines[first[row]]}"
                ),
            )
        return np.asarray(texts, dtype=np.object_)

    def _instants(self, column: str, default: int | Seconds) -> Seconds:
        zone = self._setting.zone
        return self._each(
            column, default, lambda texts, _: instants(texts, zone), lambda text, _: instant(text, zone)
        )

    def _check_period(self, at: Seconds) -> None:
        start, end, zone = self._setting.period_start, self._setting.end, self._setting.zone
        first, last = (from_instant(bound, zone).replace(tzinfo=None) for bound in (start, end))
        self.findings.blame(
            "instructed_at",
            (at < start) | (at >= end),
            lambda row: f"{self._sheet.text('instructed_at', row)} is not from {first} to before {last}",
        )

    def _named(self, column: str, names: Sequence[str], default: str | None = None) -> Numbers:
        """The number of the name in each row; −1 for no route, and for what is found to be unknown."""
        if column not in self._sheet.texts:
            return np.full(self._count, names.index(default) if default else -1)
        texts, stated = self._sheet.texts[column], self._sheet.stated(column)
        if default:
            texts = pc.if_else(pa.array(stated), texts, default)
        found = pc.index_in(texts, value_set=pa.array(names, pa.string()))
        numbers = np.asarray(pc.fill_null(found, -1), dtype=np.int64)
        if column != "route":
            self.findings.blame(column, (numbers < 0) & ~stated, lambda _: "a name is needed here")
        what = "holds no account" if column.endswith("bank") else f"is not declared under '{column}s'"
        unknown = (numbers < 0) & stated
        self.findings.blame(column, unknown, lambda row: f"{shown(texts[row].as_py())} {what}", names)
        return numbers

    def _check_banks(self, payer: Numbers, payee: Numbers, system: Numbers) -> None:
        """Two banks, both with accounts in the system if there is one (−1 if not)."""
        pairs = [(bank, name) for bank in self._setting.banks for name in self._systems]
        holds = np.array([pair in self._setting.accounts for pair in pairs], dtype=np.bool_)
        for column, bank in (("payer_bank", payer), ("payee_bank", payee)):
            known = np.flatnonzero((bank >= 0) & (system >= 0))
            holds_none = np.zeros(self._count, dtype=np.bool_)
            holds_none[known] = ~holds[bank[known] * len(self._systems) + system[known]]
            self.findings.blame(column, holds_none, partial(self._lacks_account, bank, system))
        same = (payer >= 0) & (payer == payee)
        self.findings.blame(
            "payee_bank", same, lambda _: "a bank does not pay itself, and this is the payer's"
        )

    def _check_routes(self, ways: Numbers, currency: NDArray[np.object_]) -> None:
        """Two banks that can pay each other in the row's currency over its route, where all are known."""
        rows = np.flatnonzero((ways >= 0).all(axis=0))
        banks, routes = self._setting.banks, self._setting.routes
        codes = sorted(set(currency[rows].tolist()))
        code = np.searchsorted(codes, currency[rows].astype(str)) if len(rows) else rows
        sizes = (len(banks), len(banks), max(len(routes), 1), max(len(codes), 1))
        cases, case = np.unique(np.ravel_multi_index((*ways[:3, rows], code), sizes), return_inverse=True)
        found = {}
        for k, (payer, payee, route, of) in enumerate(np.transpose(np.unravel_index(cases, sizes))):
            told = self._setting.obstacle(banks[payer], banks[payee], routes[route], codes[of])
            if told and payer != payee:
                found[k] = told
        case_of = np.full(self._count, -1)
        case_of[rows] = case
        self.findings.blame("route", np.isin(case_of, list(found)), lambda row: found[int(case_of[row])])

    def _lacks_account(self, bank: Numbers, system: Numbers, row: int) -> str:
        return f"{self._setting.banks[bank[row]]!r} has no account in {self._systems[system[row]]!r}"

    def _currency(self, system: Numbers) -> NDArray[np.object_]:
        """The currency of each row: the one that it states, or the (first) one of its system; "" if unknown."""
        known = [self._setting.currencies_of_system[name] for name in self._systems]
        # The last one is the currency of a system that is not known, number −1.
        currency = np.array([*(codes[0] for codes in known), ""], dtype=np.object_)[system]
        if "currency" not in self._sheet.texts:
            return currency
        texts = np.asarray(self._sheet.texts["currency"], dtype=np.object_)
        stated = self._sheet.stated("currency") & (system >= 0)
        right = texts == currency
        for number, codes in enumerate(known):
            if len(codes) > 1:
                other = stated & (system == number) & (texts == codes[1])
                currency[other], right[other] = codes[1], True
        self.findings.blame(
            "currency",
            stated & ~right,
            lambda row: (
                f"{self._systems[system[row]]!r} settles {' and '.join(known[system[row]])}, "
                f"not {shown(texts[row])}"
            ),
        )
        return currency

    def _amounts(self, column: str, currency: NDArray[np.object_], default: int) -> Amounts:
        digits = np.zeros(self._count, dtype=np.int64)
        for code in sorted(set(currency.tolist()) - {""}):
            digits[currency == code] = minor_digits(code)
        found = self._each(
            column,
            default,
            lambda texts, rows: amounts(texts, digits[rows]),
            # Without a system, nothing more can be said about it.
            lambda text, row: amount(text, currency[row]) if currency[row] else 1,
        )
        if found.sum(dtype=np.float64) > _MOST_IN_ALL:
            self.findings.add([Finding(0, column, "the amounts add up to more than can be counted")])
        return found

    def _counter_amounts(self, system: Numbers, route: Numbers, currency: NDArray[np.object_]) -> Amounts:
        """What rows are exchanged for, in the currency of the link's other leg; −1 where it is not stated."""
        setting, systems, links = self._setting, list(self._systems), self._setting.link_of_route
        by_route = [systems.index(links[name]) if name in links else -1 for name in setting.routes]
        link = np.where(route < 0, system, np.array([*by_route, -1], dtype=np.int64)[route])
        other = np.full(self._count, "", dtype=np.object_)
        for number, name in enumerate(systems):
            codes = setting.currencies_of_system[name]
            if len(codes) > 1:
                mine = link == number
                other[mine] = np.where(currency[mine] == codes[0], codes[1], codes[0])
        linked, stated = other != "", self._sheet.stated("counter_amount")
        self.findings.blame(
            "counter_amount",
            stated & ~linked & ((system >= 0) | (route >= 0)),
            lambda _: "nothing is exchanged here; only a 'pvp' has a counter-amount",
        )
        if not setting.rates:
            self.findings.blame(
                "counter_amount",
                linked & ~stated,
                lambda row: f"say how much {other[row]} it is exchanged for, since the scenario has no 'fx'",
            )
        return self._amounts("counter_amount", other, -1)
