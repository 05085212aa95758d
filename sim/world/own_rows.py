"""What the rows of a file mean is found out column by column, and what they cannot mean is told."""

from __future__ import annotations

from collections import Counter
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sim.core.clock import Seconds, from_instant
from sim.core.currency import Amounts, minor_digits
from sim.scenario.model.base import nearest
from sim.scenario.tree import dotted
from sim.world.own_sheet import (
    NEEDED,
    OPTIONAL,
    ROW_BYTES,
    Findings,
    Flags,
    Lines,
    Sheet,
    amounts,
    instants,
    missing,
    shown,
    whole_numbers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.world.own_payments import Setting
    from sim.world.own_sheet import Reading, Texts

Numbers = NDArray[np.int64]

_LONGEST_NAME: Final = 60
_MOST_IN_ALL: Final = 2.0**62
#: Numbers below these powers of two have a float each, of single and of double precision.
_SINGLE: Final = 2**24
_DOUBLE: Final = 2**53


class Rows:
    """The rows of a file, understood some at a time; `columns` are good if nothing was found."""

    def __init__(self, setting: Setting, findings: Findings) -> None:
        self._setting, self._findings = setting, findings
        self._systems = tuple(setting.currencies_of_system)
        self._no_usual_way = setting.default_system is None and setting.default_route is None
        self._holds = _matrix(setting.banks, self._systems, lambda *pair: pair in setting.accounts)
        self._passes = _matrix(
            setting.routes, self._systems, lambda way, name: name in setting.systems_of_route.get(way, ())
        )
        self._obstacle = cache(setting.obstacle)
        self._sheet = Sheet((), {}, range(0))
        self._columns: dict[str, list[Any]] = {}
        self._ids: list[Texts] = []
        self._hashes: list[Numbers] = []
        self._lines: list[Lines] = []
        self._totals: dict[str, float] = {}
        self._count = 0

    def take(self, sheet: Sheet) -> None:
        """Understand the rows of a sheet."""
        if not self._columns:
            self._check_names(sheet)
        self._sheet, self._count = sheet, len(sheet.lines)
        self._take_ids()
        for name, values in self._understood().items():
            self._columns.setdefault(name, []).append(_compact(values))

    def needed(self, sheet: Sheet) -> float:
        """Bytes that all rows of the file take, as far as is known after a sheet of it."""
        ids: int = sum(texts.nbytes for texts in self._ids)
        return (sheet.reached * ROW_BYTES + ids) / (sheet.share or 1.0)

    def check_all(self) -> None:
        """Look for what only the whole file shows."""
        if not self._findings.count and not any(map(len, self._lines)):
            self._findings.add(0, "", "there are no payments in it")
        for column, total in self._totals.items():
            if total > _MOST_IN_ALL:
                self._findings.add(0, column, "the amounts add up to more than can be counted")
        self._check_ids()

    def columns(self) -> dict[str, Any]:
        """The columns of `OwnPaymentsTable`, of all rows in their order; what is kept is given up."""
        priority, at = (
            np.concatenate(self._columns[name], dtype=np.int64) for name in ("priority", "instructed_at")
        )
        order = np.lexsort((-priority, at))  # stable: equal rows stay as in the file
        del priority, at
        ids = pa.chunked_array(self._ids).combine_chunks()
        self._ids.clear()
        ids = ids.take(pa.array(order))
        # One by one, for the parts of a column are given up as soon as it is whole.
        columns: dict[str, Any] = {"payment_id": ids}
        for name in list(self._columns):
            kind = np.object_ if name == "currency" else np.int64
            columns[name] = np.concatenate(self._columns.pop(name), dtype=kind)[order]
        return columns

    def _understood(self) -> dict[str, NDArray[Any]]:
        setting = self._setting
        instructed_at = self._instants("instructed_at", setting.period_start)
        self._check_period(instructed_at)
        due_at = self._instants("due_at", instructed_at)
        system, route = self._ways()
        payer_bank = self._named("payer_bank", setting.banks)
        payee_bank = self._named("payee_bank", setting.banks)
        self._check_banks(payer_bank, payee_bank, np.where(route < 0, system, -1))
        currency = self._currency(system, route)
        amount = self._amounts("amount", currency, 1)
        self._check_routes(np.stack([payer_bank, payee_bank, route]), currency)
        return {
            "instructed_at": instructed_at,
            "due_at": due_at,
            "payer_bank": payer_bank,
            "payee_bank": payee_bank,
            "amount": amount,
            "currency": currency,
            "priority": self._values("priority", 0, whole_numbers),
            "system": system,
            "route": route,
            "counter_amount": self._counter_amounts(system, route, currency),
        }

    def _check_names(self, sheet: Sheet) -> None:
        times, line = Counter(sheet.names), sheet.heading
        free = [name for name in (*NEEDED, *OPTIONAL) if name not in times]
        for name in times:
            told = dotted((name[:_LONGEST_NAME],))
            if name not in (*NEEDED, *OPTIONAL):
                self._findings.add(line, told, "unknown column", nearest(name[:_LONGEST_NAME], free))
            elif times[name] > 1:
                self._findings.add(line, told, "this column stands here twice")
        for name in free:
            if name in NEEDED:
                self._findings.add(line, name, "this column is missing")
        if self._no_usual_way and {"system", "route"} <= {*free}:
            self._findings.add(line, "system", "this column is missing, and the scenario names no system")

    def _blame(
        self, column: str, bad: Flags, message: Callable[[int], str], known: Sequence[str] = ()
    ) -> None:
        self._findings.blame(self._sheet, column, bad, message, known)

    def _values(
        self,
        column: str,
        default: int | Numbers,
        read: Callable[[Texts], Reading],
        among: Flags | None = None,
    ) -> Numbers:
        """Values by row of a column's texts (`among` some rows only).

        The default stands where an optional column is empty, and where a text is found to be wrong.
        """
        values = np.array(np.broadcast_to(default, self._count), dtype=np.int64)
        if column not in self._sheet.texts:
            return values
        said = self._sheet.stated(column) | (column in NEEDED)
        rows = np.flatnonzero(said if among is None else said & among)
        if not len(rows):
            return values
        texts = self._sheet.texts[column].take(pa.array(rows))
        reading = read(texts)
        sound = np.ones(len(rows), dtype=np.bool_)
        for fault in reading.faults:
            sound &= ~fault.wrong
            bad = np.zeros(self._count, dtype=np.bool_)
            bad[rows[fault.wrong]] = True
            self._blame(column, bad, partial(self._worded, column, fault.words))
        values[rows[sound]] = reading.values[sound]
        return values

    def _worded(self, column: str, words: Callable[[str], str], row: int) -> str:
        return words(self._sheet.text(column, row))

    def _take_ids(self) -> None:
        sheet = self._sheet
        if "payment_id" not in sheet.texts:
            return
        texts = sheet.texts["payment_id"]
        absent = missing(texts)
        self._blame("payment_id", absent, self._no_id)
        hashes = np.fromiter(map(hash, texts.to_pylist()), dtype=np.int64, count=len(texts))
        # What says nothing is not said again.
        hashes[absent] = sum(map(len, self._hashes)) + np.flatnonzero(absent)
        self._hashes.append(hashes)
        self._ids.append(texts.cast(pa.large_string()))
        self._lines.append(
            sheet.lines if isinstance(sheet.lines, range) else np.array(sheet.lines, dtype=np.int64)
        )

    def _no_id(self, row: int) -> str:
        text = self._sheet.text("payment_id", row).strip()
        return (
            f"a payment needs an id, and {shown(text)} says that there is none"
            if text
            else "a payment needs an id"
        )

    def _check_ids(self) -> None:
        """Find ids that come again: equal hashes side by side, then by their texts."""
        hashes = np.concatenate([np.zeros(0, dtype=np.int64), *self._hashes])
        self._hashes.clear()
        order = np.argsort(hashes, kind="stable")
        hashes = hashes[order]
        again = np.flatnonzero(hashes[1:] == hashes[:-1]) + 1
        if not len(again):
            return
        begins = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1]]))
        rows, firsts = order[again], order[begins[np.searchsorted(begins, again, side="right") - 1]]
        ids = pa.chunked_array(self._ids).combine_chunks()
        same = np.asarray(pc.equal(ids.take(pa.array(rows)), ids.take(pa.array(firsts))))
        first = np.arange(len(ids))
        first[rows[same]] = firsts[same]
        lines = np.concatenate([np.array(lines, dtype=np.int64) for lines in self._lines])
        self._findings.blame(
            Sheet((), {"payment_id": ids}, lines),
            "payment_id",
            first != np.arange(len(ids)),
            lambda row: (
                f"{shown(ids[row].as_py())} stands here again; "
                f"first on {self._findings.unit} {lines[first[row]]}"
            ),
        )

    def _instants(self, column: str, default: int | Seconds) -> Seconds:
        return self._values(column, default, lambda texts: instants(texts, self._setting.zone))

    def _check_period(self, at: Seconds) -> None:
        start, end, zone = self._setting.period_start, self._setting.end, self._setting.zone
        first, last = (from_instant(bound, zone).replace(tzinfo=None) for bound in (start, end))
        self._blame(
            "instructed_at",
            (at < start) | (at >= end),
            lambda row: f"{self._sheet.text('instructed_at', row)} is not from {first} to before {last}",
        )

    def _ways(self) -> tuple[Numbers, Numbers]:
        """System and route of each row; a row that has a route needs no system, and names none off it."""
        setting = self._setting
        route = self._named("route", setting.routes, setting.default_route)
        system = self._named("system", self._systems, setting.default_system)
        # Without either column, that is told of the file.
        if self._no_usual_way and not {"system", "route"}.isdisjoint(self._sheet.texts):
            named = self._sheet.stated("route") | self._sheet.stated("system")
            self._blame("system", ~named, lambda _: "this row names neither a system nor a route")
        both = np.flatnonzero((route >= 0) & (system >= 0))
        off = np.zeros(self._count, dtype=np.bool_)
        off[both] = ~self._passes[route[both], system[both]]
        self._blame(
            "system",
            off & self._sheet.stated("system"),
            lambda row: f"{setting.routes[route[row]]!r} does not pass {self._systems[system[row]]!r}",
        )
        return np.where(off, -1, system), route

    def _named(self, column: str, names: Sequence[str], default: str | None = None) -> Numbers:
        """The number of the name in each row; −1 where none is needed, and for what is found to be unknown."""
        if column not in self._sheet.texts:
            return np.full(self._count, names.index(default) if default else -1)
        texts, stated = self._sheet.texts[column], self._sheet.stated(column)
        if default:
            texts = pc.if_else(pa.array(stated), texts, default)
        found = pc.index_in(texts, value_set=pa.array(names, pa.string()))
        numbers = np.asarray(pc.fill_null(found, -1), dtype=np.int64)
        if column in NEEDED:
            self._blame(column, ~stated, lambda _: "a name is needed here")
        what = "holds no account" if column.endswith("bank") else f"is not declared under '{column}s'"
        unknown = (numbers < 0) & stated
        self._blame(column, unknown, lambda row: f"{shown(texts[row].as_py())} {what}", names)
        return numbers

    def _check_banks(self, payer: Numbers, payee: Numbers, system: Numbers) -> None:
        """Two banks, both with accounts in the system if there is one (−1 if not)."""
        for column, bank in (("payer_bank", payer), ("payee_bank", payee)):
            known = np.flatnonzero((bank >= 0) & (system >= 0))
            holds_none = np.zeros(self._count, dtype=np.bool_)
            holds_none[known] = ~self._holds[bank[known], system[known]]
            self._blame(column, holds_none, partial(self._lacks_account, bank, system))
        same = (payer >= 0) & (payer == payee)
        self._blame("payee_bank", same, lambda _: "a bank does not pay itself, and this is the payer's")

    def _check_routes(self, ways: Numbers, currency: NDArray[np.object_]) -> None:
        """Two banks that can pay each other in the row's currency over its route, where all are known."""
        rows = np.flatnonzero((ways >= 0).all(axis=0) & (currency != ""))
        banks, routes = self._setting.banks, self._setting.routes
        codes = sorted(set(currency[rows].tolist()))
        code = np.searchsorted(codes, currency[rows].astype(str)) if len(rows) else rows
        sizes = (len(banks), len(banks), max(len(routes), 1), max(len(codes), 1))
        cases, case = np.unique(np.ravel_multi_index((*ways[:, rows], code), sizes), return_inverse=True)
        found = {}
        for k, (payer, payee, route, of) in enumerate(np.transpose(np.unravel_index(cases, sizes))):
            told = self._obstacle(banks[payer], banks[payee], routes[route], codes[of])
            if told and payer != payee:
                found[k] = told
        case_of = np.full(self._count, -1)
        case_of[rows] = case
        self._blame("route", np.isin(case_of, list(found)), lambda row: found[int(case_of[row])])

    def _lacks_account(self, bank: Numbers, system: Numbers, row: int) -> str:
        return f"{self._setting.banks[bank[row]]!r} has no account in {self._systems[system[row]]!r}"

    def _currency(self, system: Numbers, route: Numbers) -> NDArray[np.object_]:
        """The currency of each row: the one that it states, or the (first) one of its way; "" if unknown.

        The way is the system, or the route of a row that has none.
        """
        names = (*self._systems, *self._setting.routes)
        known = [
            *self._setting.currencies_of_system.values(),
            *(self._setting.currencies_of_route.get(name, ()) for name in self._setting.routes),
            (),
        ]
        by_route = np.where(route < 0, -1, len(self._systems) + route)
        way = np.where(system < 0, by_route, system)
        currency = np.array([codes[0] if codes else "" for codes in known], dtype=np.object_)[way]
        self._blame(
            "route",
            (way >= 0) & (currency == ""),
            lambda row: f"the systems of {names[way[row]]!r} have no currency in common",
        )
        if "currency" not in self._sheet.texts:
            return currency
        texts = np.asarray(self._sheet.texts["currency"], dtype=np.object_)
        stated = self._sheet.stated("currency") & (currency != "")
        right = texts == currency
        for number, codes in enumerate(known):
            if len(codes) > 1:
                other = stated & (way == number) & (texts == codes[1])
                currency[other], right[other] = codes[1], True
        self._blame(
            "currency",
            stated & ~right,
            lambda row: (
                f"{names[way[row]]!r} settles {' and '.join(known[way[row]])}, not {shown(texts[row])}"
            ),
        )
        return currency

    def _amounts(self, column: str, currency: NDArray[np.object_], default: int) -> Amounts:
        found = np.full(self._count, default, dtype=np.int64)
        # Without a currency, nothing can be said about an amount.
        for code in sorted(set(currency.tolist()) - {""}):
            mine = currency == code
            values = self._values(column, default, partial(amounts, currency=code), mine)
            if column in self._sheet.floats:
                self._check_floats(column, mine & (values != default), values, code)
            found[mine] = values[mine]
        self._totals[column] = self._totals.get(column, 0.0) + float(found.sum(dtype=np.float64))
        return found

    def _check_floats(self, column: str, rows: Flags, minor: Amounts, code: str) -> None:
        """Floats that may stand for another amount: from some size on, neighbouring amounts share one."""
        floats = self._sheet.floats[column]
        double = floats.dtype == np.float64
        with np.errstate(all="ignore"):  # What is no number is blamed elsewhere.
            parts = np.modf(floats.astype(np.float64))[0] * 10 ** minor_digits(code)
            exact = double & (parts == np.rint(parts))
        self._blame(
            column,
            rows & (minor >= (_DOUBLE if double else _SINGLE)) & ~exact,
            lambda row: (
                f"{self._sheet.text(column, row)} as a binary float may stand for other amounts, too; "
                "write a decimal, or text"
            ),
        )

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
        self._blame(
            "counter_amount",
            stated & ~linked & ((system >= 0) | (route >= 0)),
            lambda _: "nothing is exchanged here; only a 'pvp' has a counter-amount",
        )
        if not setting.rates:
            self._blame(
                "counter_amount",
                linked & ~stated,
                lambda row: f"say how much {other[row]} it is exchanged for, since the scenario has no 'fx'",
            )
        return self._amounts("counter_amount", other, -1)


def _compact(values: NDArray[Any]) -> NDArray[Any]:
    """The same values in less memory: one number where all are alike, else of the smallest type."""
    if not len(values):
        return values
    if (values == values[0]).all():
        return np.broadcast_to(values[:1].copy(), len(values))
    if values.dtype == np.object_:
        return values
    least, most = values.min(), values.max()
    kinds = (np.int8, np.int16, np.int32, np.int64)
    return values.astype(
        next(kind for kind in kinds if np.iinfo(kind).min <= least and most <= np.iinfo(kind).max)
    )


def _matrix(rows: Sequence[str], columns: Sequence[str], holds: Callable[[str, str], bool]) -> Flags:
    found = [holds(row, column) for row in rows for column in columns]
    return np.array(found, dtype=np.bool_).reshape(len(rows), len(columns))
