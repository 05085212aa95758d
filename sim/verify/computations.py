"""What a case can have computed from numbers alone is a function that the simulator itself uses, by its name there."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.core import calendars
from sim.engine import netting
from sim.results import risk
from sim.results.derived.hedges import forward_rate
from sim.scenario.model.base import nearest
from sim.verify.model import as_fraction

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How a parameter is read; ValueError, with what is needed, for anything else.
Reader = Callable[[Any], Any]

_RULES: Final = ("fifo", "best", "bilateral", "singly")
_PAYMENT: Final = re.compile(r"\s*([1-9][0-9]*)\s*>\s*([1-9][0-9]*)\s+([1-9][0-9]*)\s*")
#: How long the search for the best set of a queue may take.
_PATIENCE: Final = 10.0
_MOST_BANKS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Computation:
    """A function, and how its parameters are read; what it returns is one value, or several by name."""

    function: Callable[..., Any]
    reads: Mapping[str, Reader]
    results: tuple[str, ...] = ()
    """Names of its results; none if there is only one."""

    def wrong(self, numbers: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str, str | None]]:
        """What is wrong with the numbers that it is given: where, what, and what was perhaps meant."""
        for name, value in numbers.items():
            if name not in self.reads:
                yield (name,), "unknown parameter", nearest(name, {*self.reads})
                continue
            try:
                self.reads[name](value)
            except ValueError as error:
                yield (name,), str(error), None
        meant = {nearest(name, {*self.reads}) for name in numbers if name not in self.reads}
        for name, parameter in inspect.signature(self.function).parameters.items():
            if parameter.default is parameter.empty and name not in numbers and name not in meant:
                yield (), f"the key {name!r} is needed here", None

    def of(self, numbers: Mapping[str, Any], result: str | None) -> Any:  # noqa: ANN401 - a number, a text or a list
        """The result of that name; ValueError where the function refuses the numbers."""
        found = self.function(**{name: self.reads[name](value) for name, value in numbers.items()})
        if result is not None:
            found = found[result] if isinstance(found, Mapping) else getattr(found, result)
        if isinstance(found, np.ndarray):
            return tuple(found.tolist()) if found.ndim else found.item()
        return found


def _number(value: Any) -> float:  # noqa: ANN401 - whatever was written
    found = as_fraction(value)
    if found is None:
        raise ValueError("a number is needed, such as 0.1 or 10/252")
    return float(found)


def _whole(value: Any) -> int:  # noqa: ANN401
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("a whole number is needed")  # noqa: TRY004 - as all readers
    return value


def _numbers(value: Any) -> list[float]:  # noqa: ANN401
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list) or not value:
        raise ValueError("a list of numbers is needed, or numbers by name")
    return [_number(one) for one in value]


def _rows(value: Any) -> list[list[float]]:  # noqa: ANN401
    if not isinstance(value, list) or not value:
        raise ValueError("a list of lists of numbers is needed")
    rows = [_numbers(row) for row in value]
    if len({len(row) for row in rows}) > 1:
        raise ValueError("the lists differ in length")
    return rows


def _pairs(value: Any) -> list[tuple[float, float]]:  # noqa: ANN401
    rows = [] if value == [] else _rows(value)
    if any(len(row) != 2 for row in rows):  # noqa: PLR2004 - a pair
        raise ValueError("a list of pairs is needed: [[amount, rate], …]")
    return [(amount, rate) for amount, rate in rows]


def _truth(value: Any) -> bool:  # noqa: ANN401
    if not isinstance(value, bool):
        raise ValueError("true or false is needed")  # noqa: TRY004 - as all readers
    return value


def _level(value: Any) -> float:  # noqa: ANN401
    found = _number(value)
    if not 0 < found < 1:
        raise ValueError("a probability between 0 and 1 is needed")
    return found


def _day(value: Any) -> date:  # noqa: ANN401
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("a date such as 2024-03-04 is needed") from None


def _codes(value: Any) -> list[str]:  # noqa: ANN401
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not found or not all(isinstance(code, str) for code in found):
        raise ValueError("codes of calendars are needed, such as [BY, CN]")
    for code in found:
        calendars.resolve(code)
    return found


def _queue(value: Any) -> netting.Queue:  # noqa: ANN401
    if not isinstance(value, str):
        raise ValueError("a queue is needed, such as '1>2 5; 2>1 6'")  # noqa: TRY004 - as all readers
    payments = []
    for text in filter(str.strip, value.split(";")):
        found = _PAYMENT.fullmatch(text)
        if found is None or max(int(found[1]), int(found[2])) > _MOST_BANKS:
            raise ValueError(f"{text.strip()!r} is not a payment such as '1>2 5': payer, payee and amount")
        payments.append((int(found[1]) - 1, int(found[2]) - 1, int(found[3])))
    try:
        return netting.Queue(*np.array(payments, dtype=np.int64).reshape(-1, 3).T)
    except OverflowError:
        raise ValueError("an amount is more than this simulator can count") from None


def _balances(value: Any) -> list[int]:  # noqa: ANN401
    if not isinstance(value, list) or not value:
        raise ValueError("a list of whole numbers is needed")
    return [_whole(one) for one in value]


def _rule(value: Any) -> str:  # noqa: ANN401
    if value not in _RULES:
        raise ValueError(f"one of {', '.join(_RULES)} is needed")
    return str(value)


def _working_days(codes: Sequence[str], first: date, last: date) -> calendars.WorkingDays:
    if first > last:
        raise ValueError(f"{first} comes after {last}")
    return calendars.joint(*(calendars.country_days(code, first, last) for code in codes))


def working_days(calendars: Sequence[str], first: date, last: date) -> dict[str, Any]:
    """Days from `first` to `last`, both included, on which all the calendars work.

    `longest_gap` is the longest run of other days between two of them, `gaps` lists all runs of more than two days as
    `last day before / first day after`; `worked_weekends` are the Saturdays and Sundays among the days.
    """
    found = _working_days(calendars, first, last).dates()
    days = found.tolist()
    between = [(one, other, (other - one).days - 1) for one, other in pairwise(days)]
    weekend = 2
    return {
        "count": len(days),
        "longest_gap": max((length for *_, length in between), default=0),
        "gaps": tuple(f"{one} / {other}" for one, other, length in between if length > weekend),
        "worked_weekends": tuple(str(day) for day in days if day.weekday() >= 5),  # noqa: PLR2004 - Saturday
    }


def working_day(calendars: Sequence[str], after: date, days: int = 1) -> str:
    """The `days`-th day strictly after a date on which all the calendars work; for 0 the date, or the next such day."""
    table = _working_days(calendars, after, after + timedelta(days=40 + 2 * days))
    start = np.array(after + timedelta(days=min(days, 1)), dtype="datetime64[D]")
    return str(table.add(start, max(days - 1, 0)))


def settled_queue(balances: Sequence[int], queue: netting.Queue, rule: str) -> dict[str, Any]:
    """What of a queue of banks 1…n settles at once.

    `rule`: `fifo`, the largest set in which each bank's payments leave in queue order; `best`, the largest value of all
    sets; `bilateral`, pairs of banks; `singly`, one payment after the other. `settled` are the numbers of the payments,
    from 1, `value` is their value, `left` each bank's balance.
    """
    available, n = np.array(balances, dtype=np.int64), len(balances)
    choose: dict[str, Callable[[], Any]] = {
        "fifo": lambda: netting.multilateral(queue, available),
        "best": lambda: netting.optimal(queue, available, time_limit=_PATIENCE).mask,
        "bilateral": lambda: netting.bilateral(queue, available, by_pair=False),
        "singly": lambda: netting.singly(queue, available),
    }
    chosen = choose[rule]()
    rows = np.flatnonzero(chosen)
    return {
        "settled": tuple((rows + 1).tolist()),
        "value": queue.value(chosen),
        "left": tuple((available + netting.net_positions(queue[rows], n)).tolist()),
    }


def netting_efficiency(queue: netting.Queue) -> Fraction:
    """1 − net value / gross value of payments between banks 1…n that settle all together."""
    n = int(max(queue.payer.max(initial=0), queue.payee.max(initial=0))) + 1
    owed = -netting.net_positions(queue, n)
    return 1 - Fraction(int(owed[owed > 0].sum()), int(queue.amount.sum()) or 1)


_OF_RISK: Final = ("value_at_risk", "expected_shortfall")
_DAYS: Final = {"calendars": _codes, "first": _day, "last": _day}

#: Every computation by name.
COMPUTATIONS: Final[dict[str, Computation]] = {
    "lognormal_losses": Computation(
        risk.lognormal_losses,
        {"position": _number, "volatility": _number, "years": _number, "level": _level},
        _OF_RISK,
    ),
    "normal_losses": Computation(
        risk.normal_losses,
        {"positions": _numbers, "covariance": _rows, "years": _number, "level": _level},
        _OF_RISK,
    ),
    "historical_losses": Computation(
        risk.historical_losses, {"profits": _numbers, "level": _level}, _OF_RISK
    ),
    "overall_position": Computation(risk.overall_position, {"positions": _numbers, "gold": _number}),
    "capital_charge": Computation(risk.capital_charge, {"overall": _number, "share": _number}),
    "part_payment": Computation(
        risk.part_payment,
        {"amount": _number, "booked": _number, "paid": _pairs, "now": _number, "receivable": _truth},
        ("realised", "unrealised", "total"),
    ),
    "hedge_effectiveness": Computation(risk.hedge_effectiveness, {"hedge": _number, "exposure": _number}),
    "flow_at_risk": Computation(risk.flow_at_risk, {"flows": _numbers, "level": _level}),
    "forward_rate": Computation(
        forward_rate,
        {"spot": _number, "functional_rate": _number, "foreign_rate": _number, "years": _number},
    ),
    "working_days": Computation(working_days, _DAYS, ("count", "longest_gap", "gaps", "worked_weekends")),
    "working_day": Computation(working_day, {"calendars": _codes, "after": _day, "days": _whole}),
    "settled_queue": Computation(
        settled_queue,
        {"balances": _balances, "queue": _queue, "rule": _rule},
        ("settled", "value", "left"),
    ),
    "netting_efficiency": Computation(netting_efficiency, {"queue": _queue}),
}
