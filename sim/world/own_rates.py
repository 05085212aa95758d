"""Rates stand in a file, a row each: those that ship with the package, and those that a user brings."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sim.core.crosses import TOLERANCE, Clash, crossed
from sim.core.currency import MINOR_DIGITS, why_not_a_currency
from sim.core.history import History, Quotes
from sim.errors import ScenarioError
from sim.scenario.files import shown as shown_path
from sim.scenario.model.base import nearest
from sim.scenario.tree import Mark, dotted
from sim.world.own_csv import csv_sheets
from sim.world.own_file import MAX_INPUT, cannot_be_read, opened
from sim.world.own_sheet import Fault, Findings, Sheet, shown, too_large

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.core.calendars import Days
    from sim.core.rates import Floats
    from sim.scenario.model.fx import Fx
    from sim.world.own_sheet import Flags, Lines, Texts

_DATE, _CURRENCY, _BASE, _QUOTE, _RATE, _UNIT = "date", "currency", "base", "quote", "rate", "unit"
_READ: Final = (_DATE, _CURRENCY, _BASE, _QUOTE, _RATE, _UNIT)
#: Where a number comes from may be said of each, and nobody reads it here.
_KNOWN: Final = (*_READ, "source")
#: Against what a rate is quoted if its row names one currency only.
_DOLLAR: Final = "USD"

_DAY: Final = "^[12][0-9]{3}-[0-9]{2}-[0-9]{2}$"
_NUMBER: Final = r"^\+?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?$"
_NEGATIVE: Final = r"^-[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?$"
#: Rates beyond these are no prices of money.
_LEAST, _MOST = 1e-12, 1e12
#: Bytes that a row takes while a file is read, and what stands in a cell of days by pairs.
_ROW_BYTES: Final = 200
_CELL_BYTES: Final = 60
_LONGEST_NAME: Final = 60


@cache
def load_history() -> History:
    """The shipped rates: those of the National Bank of Belarus and their crosses, and others per dollar.

    The data folder tells their sources, and on which day's market each rate rests.
    """
    with as_file(files("sim") / "data" / "fx_history.csv") as path:
        return read_rates(path, name="the shipped history")


@cache
def load_world() -> History:
    """What the yuan was outside of Minsk, by the day of the market: for comparison, and for nothing else."""
    with as_file(files("sim") / "data" / "fx_world.csv") as path:
        return read_rates(path, name="the world's market")


def history_of(declared: Fx | None, max_input: int = MAX_INPUT) -> History:
    """The rates that a model takes for what was observed: those of its file, or the shipped ones.

    ScenarioError with what is wrong with the file, or if reading it would take more than `max_input` bytes.
    """
    file = None if declared is None else declared.own_file()
    return load_history() if file is None else read_rates(Path(file), max_input)


def read_rates(path: Path, max_input: int = MAX_INPUT, *, name: str | None = None) -> History:
    """The rates of a CSV file (UTF-8, commas), called by its name or by another.

    Columns, in any order: `date`, `rate`, and the pair either as `base` and `quote` (1 base is worth `rate` quote) or
    as `currency` (1 USD is worth `rate` of it); optionally `unit`, for how many of the base a rate is, and `source`,
    which is passed over. A pair may be quoted in either direction. ScenarioError with every row that says what
    cannot be.
    """
    findings = Findings(str(Mark(shown_path(path))), "line")
    rows = _Rows(findings)
    try:
        with opened(path, findings, max_input, "rates") as found:
            if found is not None:
                for sheet in csv_sheets(*found, findings, frozenset(_READ), "rates"):
                    rows.take(sheet)
                    if (needed := sheet.reached * _ROW_BYTES / (sheet.share or 1.0)) > max_input:
                        findings.add(0, "", too_large(needed, max_input))
                        break
    except OSError as error:
        findings.add(0, "", cannot_be_read(error))
    history = rows.history(name or path.name, max_input)
    if history is None or findings.count:
        raise ScenarioError(findings.problems())
    return history


class _Rows:
    """The rows of a file, understood some at a time."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._lines: list[Lines] = []
        self._days: list[Days] = []
        self._texts: tuple[list[Texts], list[Texts]] = ([], [])
        self._rates: list[Floats] = []
        self._named = False

    def take(self, sheet: Sheet) -> None:
        """Understand the rows of a sheet."""
        if not self._named:
            self._named = True
            self._check_names(sheet)
        self._lines.append(np.asarray(sheet.lines, dtype=np.int64))
        if not {_DATE, _RATE} <= {*sheet.texts}:
            return
        self._days.append(self._dates(sheet))
        unlike = self._pairs(sheet)
        rates = self._numbers(sheet, _RATE)
        if _UNIT in sheet.texts:
            rates = self._per_one(sheet, rates)
        self._rates.append(np.where(unlike, np.nan, rates))

    def history(self, name: str, max_input: int) -> History | None:
        """What all rows tell together, and what only they show to be wrong; None if some could not be read."""
        findings = self._findings
        if not findings.count and not any(map(len, self._lines)):
            findings.add(0, "", "there are no rates in it")
        if findings.count:
            return None
        texts = pa.chunked_array(self._texts[0] + self._texts[1]).dictionary_encode().combine_chunks()
        codes, number = np.unique(np.array(texts.dictionary.to_pylist()), return_inverse=True)
        base, quote = number[np.asarray(texts.indices)].reshape(2, -1)
        quotes = Quotes(
            tuple(codes.tolist()), np.concatenate(self._days), base, quote, np.concatenate(self._rates)
        )
        cells = len(np.unique(quotes.days)) * len(np.unique(base * len(codes) + quote))
        if (needed := cells * _CELL_BYTES) > max_input:
            findings.add(0, "", too_large(needed, max_input))
            return None
        history, clashes = crossed(name, quotes)
        self._check_connected(history)
        lines = np.concatenate(self._lines)
        for clash in clashes:
            findings.add(int(lines[clash.row]), _RATE, _contradiction(quotes, clash))
        return history

    def _check_connected(self, history: History) -> None:
        """Refuse currencies that no chain of pairs connects with the unit, on whatever days."""
        quotes, codes = history.quotes, history.codes
        pairs = np.unique(np.stack([quotes.base, quotes.quote], axis=1), axis=0).tolist()
        joined, left = {history.unit}, {(codes[base], codes[quote]) for base, quote in pairs}
        while found := {pair for pair in left if not joined.isdisjoint(pair)}:
            joined.update(*found)
            left -= found
        if left:
            apart = sorted({code for pair in left for code in pair})
            self._findings.add(
                0,
                "",
                f"no pair connects {', '.join(apart)} with {', '.join(sorted(joined))}; add rates of one that does, "
                "or make two files of it",
            )

    def _check_names(self, sheet: Sheet) -> None:
        times, line = Counter(sheet.names), sheet.heading
        free = [name for name in _KNOWN if name not in times]
        for name in times:
            told = dotted((name[:_LONGEST_NAME],))
            if name not in _KNOWN:
                self._findings.add(line, told, "unknown column", nearest(name[:_LONGEST_NAME], free))
            elif times[name] > 1:
                self._findings.add(line, told, "this column stands here twice")
        for name in (_DATE, _RATE):
            if name in free:
                self._findings.add(line, name, "this column is missing")
        pair = [name for name in (_BASE, _QUOTE) if name in times]
        if _CURRENCY in times and pair:
            self._findings.add(
                line, _CURRENCY, f"state either 'currency' (per USD) or a pair, not {pair[0]!r}, too"
            )
        elif _CURRENCY not in times and len(pair) < 2:  # noqa: PLR2004 - a pair has two
            lacking = " and ".join(repr(name) for name in (_BASE, _QUOTE) if name not in times)
            said = "this column is" if pair else "these columns are"
            self._findings.add(line, "", f"{said} missing: {lacking}, or else 'currency' for rates per USD")

    def _dates(self, sheet: Sheet) -> Days:
        texts = sheet.texts[_DATE]
        unlike = ~np.asarray(pc.match_substring_regex(texts, _DAY))
        plain = pc.if_else(pa.array(unlike), "2000-01-01", texts)
        months = np.asarray(pc.utf8_slice_codeunits(plain, 5, 7).cast(pa.int64()))
        firsts = np.asarray(pc.utf8_slice_codeunits(plain, 0, 4).cast(pa.int64()))
        start = ((firsts - 1970) * 12 + months - 1).astype("datetime64[M]")
        days = start.astype("datetime64[D]") + (
            np.asarray(pc.utf8_slice_codeunits(plain, 8, 10).cast(pa.int64())) - 1
        )
        exists = (months >= 1) & (months <= 12) & (days.astype("datetime64[M]") == start)  # noqa: PLR2004
        self._blame(
            sheet, _DATE, Fault(unlike, lambda text: f"{shown(text)} is not a date such as 2024-03-04")
        )
        self._blame(
            sheet, _DATE, Fault(~unlike & ~exists, lambda text: f"{shown(text)} is a day that does not exist")
        )
        return np.asarray(days)

    def _pairs(self, sheet: Sheet) -> Flags:
        """Take the two currencies of each row; the rows in which they are none."""
        wrong = np.zeros(len(sheet.lines), dtype=np.bool_)
        columns = (_BASE, _QUOTE) if _BASE in sheet.texts else (None, _CURRENCY)
        if not {*columns} - {None} <= {*sheet.texts}:
            return wrong
        dollars = pa.array([_DOLLAR] * len(sheet.lines), pa.string())
        for column, kept in zip(columns, self._texts, strict=True):
            texts = dollars if column is None else sheet.texts[column]
            named = texts.dictionary_encode()
            unknown = np.array([name not in MINOR_DIGITS for name in named.dictionary.to_pylist()], np.bool_)
            if column is not None and unknown.any():
                bad = unknown[np.asarray(named.indices)]
                self._blame_codes(sheet, column, bad)
                wrong |= bad
            kept.append(texts)
        one, other = (kept[-1] for kept in self._texts)
        same = np.asarray(pc.equal(one, other)) & ~wrong
        twice = Fault(same, lambda text: f"a rate is of two currencies; {shown(text)} stands here twice")
        self._blame(sheet, columns[1] or "", twice)
        return wrong | same

    def _blame_codes(self, sheet: Sheet, column: str, bad: Flags) -> None:
        for row in np.flatnonzero(bad).tolist():
            message, meant = why_not_a_currency(sheet.text(column, row)[:_LONGEST_NAME]) or ("", None)
            self._findings.add(int(sheet.lines[row]), column, message, meant)

    def _numbers(self, sheet: Sheet, column: str) -> Floats:
        """Numbers above zero."""
        texts = sheet.texts[column]
        negative = np.asarray(pc.match_substring_regex(texts, _NEGATIVE))
        unlike = ~negative & ~np.asarray(pc.match_substring_regex(texts, _NUMBER))
        plain = pc.utf8_ltrim(pc.if_else(pa.array(unlike | negative), "1", texts), "+")
        numbers = np.asarray(plain.cast(pa.float64()))
        hint = "; decimals follow a point, and thousands are not set apart"
        self._blame(sheet, column, Fault(unlike, lambda text: _no_number(text, hint)))
        nothing = negative | (numbers == 0.0)
        self._blame(
            sheet, column, Fault(nothing, lambda text: f"a {column} is more than zero, not {shown(text)}")
        )
        far = ~unlike & ~nothing & ~((numbers >= _LEAST) & (numbers <= _MOST))
        self._blame(sheet, column, Fault(far, lambda text: f"{shown(text)} is no price of money"))
        return numbers

    def _per_one(self, sheet: Sheet, rates: Floats) -> Floats:
        """Rates of one of the base where a row states that of several, divided as decimals and rounded once."""
        units = self._numbers(sheet, _UNIT)
        if self._findings.count:
            return rates
        several = np.flatnonzero(units != 1.0)
        rates = rates.copy()
        texts, of = sheet.texts[_RATE], sheet.texts[_UNIT]
        rates[several] = [
            float(Decimal(texts[row].as_py()) / Decimal(of[row].as_py())) for row in several.tolist()
        ]
        return rates

    def _blame(self, sheet: Sheet, column: str, fault: Fault) -> None:
        words: Callable[[str], str] = fault.words
        self._findings.blame(sheet, column, fault.wrong, lambda row: words(sheet.text(column, row)))


def _no_number(text: str, hint: str) -> str:
    return f"{shown(text)} is not a number such as 3.4735" + (hint if "," in text else "")


def _contradiction(quotes: Quotes, clash: Clash) -> str:
    row = clash.row
    base, quote = (quotes.codes[number[row]] for number in (quotes.base, quotes.quote))
    told = f"{quotes.rates[row]:.6g} {quote} per {base} on {quotes.days[row]}"
    if clash.again:
        return f"{told}, but another row of this pair and day says {clash.implied:.6g}"
    return f"{told}, but the crosses of that day say {clash.implied:.6g}, more than {TOLERANCE:.1%} apart"
