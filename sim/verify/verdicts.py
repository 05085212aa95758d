"""A case agrees where ours is as near to what was published as it says itself; why it is not, only a case can say."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from sim.errors import SettlementError
from sim.results.execute import execute
from sim.verify.cases import THE_RUN
from sim.verify.model import as_fraction
from sim.verify.quantities import CannotTellError, Value, key, same, tell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.results.results import Results
    from sim.verify.cases import ReadCase
    from sim.verify.model import Expectation, Quantity

#: `differs`: as the case says; `disagrees`: as no case says; `failed`: there is nothing to compare.
Verdict = Literal["agrees", "differs", "disagrees", "failed"]

#: The verdicts with which a verification has not succeeded.
FAILURES: Final = frozenset({"disagrees", "failed"})


class Judged(NamedTuple):
    """An expectation of a case, and what came out."""

    what: str
    published: str
    ours: str
    value: Value
    """Ours, unless it failed."""
    verdict: Verdict
    why: str
    """Why ours is another one, as the case says, or why there is none."""


class Outcome(NamedTuple):
    """A case and what became of its expectations."""

    name: str
    file: str
    says: str
    source: str
    evidence: str
    expectations: tuple[Judged, ...]
    stale: tuple[str, ...]
    """What the case says to differ, and agrees."""

    @property
    def fails(self) -> bool:
        """Whether something disagrees that the case does not say to differ."""
        return any(one.verdict in FAILURES for one in self.expectations)


def verify(read: ReadCase) -> Outcome:
    """Run a case, and hold what comes out against what was published.

    A run that fails, or that does not tell what is asked, fails the expectations that look at it, and no others.
    """
    case = read.case
    runs: dict[str, Results] = {}
    failed: dict[str, str] = {}
    for name, loaded in read.runs.items():
        try:
            runs[name] = execute(loaded.scenario, measures=())
        except SettlementError as error:
            failed[name] = f"{f'run {name!r}: ' if name != THE_RUN else ''}{error}"
    judged = tuple(_judged(one, case.differs, runs, failed) for one in case.expect)
    own = tuple(
        one.what
        for one, stated in zip(judged, case.expect, strict=True)
        if stated.differs and one.verdict == "agrees"
    )
    none_differs = case.differs is not None and all(one.verdict == "agrees" for one in judged)
    stale = own or ((case.name,) if none_differs else ())
    return Outcome(case.name, read.file, case.says, case.source, case.evidence, judged, stale)


def _judged(
    one: Expectation, differs: str | None, runs: Mapping[str, Results], failed: Mapping[str, str]
) -> Judged:
    what, published, reason = one.what or described(one), published_text(one), one.differs or differs
    for name in _runs_of(one) or (failed if one.compute is None else ()):
        if name in failed:
            return Judged(what, published, "–", None, "failed", failed[name])
    try:
        ours = _lowest(one, runs) if one.lowest_of else tell(one, runs, None)
    except SettlementError as error:
        return Judged(what, published, "–", None, "failed", str(error))
    shown = value_text(ours, one)
    if agrees(ours, one):
        return Judged(what, published, shown, ours, "agrees", "")
    return Judged(what, published, shown, ours, "differs" if reason else "disagrees", reason or "")


def _runs_of(one: Quantity) -> set[str]:
    """The runs that a quantity names."""
    named = {name for name in (one.run, one.less, one.over) if name is not None}
    return named.union(getattr(one, "lowest_of", None) or (), *(_runs_of(part) for part in one.sum or ()))


def _lowest(one: Expectation, runs: Mapping[str, Results]) -> str:
    """The runs in which the quantity is lowest."""
    told = {name: tell(one, runs, name) for name in one.lowest_of or ()}
    if any(isinstance(value, str | tuple) for value in told.values()):
        raise CannotTellError("only numbers can be compared, to find the lowest")
    least = min(told.values())
    return ", ".join(name for name, value in told.items() if value == least)


def agrees(ours: Value, one: Expectation) -> bool:
    """Whether ours is what was published, or near enough."""
    if one.is_ is not None:
        return _is(ours, one.is_, one)
    number = ours if isinstance(ours, int | float | Fraction) and not isinstance(ours, bool) else None
    if number is None:
        return False
    low, high = one.between or (one.at_least, one.at_most)
    return (low is None or _exact(number) >= low) and (high is None or _exact(number) <= high)


def _is(ours: Value, published: Value, one: Expectation) -> bool:
    if isinstance(published, tuple):
        return isinstance(ours, tuple) and _all(ours, published, one)
    if isinstance(ours, tuple):
        return len(ours) == 1 and _is(ours[0], published, one)
    wanted, found = as_fraction(published), key(ours)
    if wanted is None or isinstance(found, str):
        return same(ours, published)
    width = one.within.width(wanted) if one.within is not None else Fraction(0)
    if not width and isinstance(found, float):
        return found == float(wanted)
    return abs(_exact(found) - wanted) <= width


def _all(ours: tuple[Value, ...], published: tuple[Value, ...], one: Expectation) -> bool:
    if one.take == "set":
        rest = list(ours)
        for wanted in dict.fromkeys(published):
            near = [value for value in rest if _is(value, wanted, one)]
            if not near:
                return False
            rest.remove(near[0])
        return not rest
    return len(ours) == len(published) and all(map(lambda a, b: _is(a, b, one), ours, published))


def _exact(number: float | Fraction) -> Fraction:
    """A float by its shortest decimal, which is what people see and compare."""
    return Fraction(repr(number)) if isinstance(number, float) else Fraction(number)


# In words.


def described(one: Quantity) -> str:
    """How a quantity is addressed, in a few words."""
    if one.measure is not None:
        told = ".".join(one.measure)
    elif one.table is not None:
        take = one.take or ("count" if one.column is None else "")
        column = f"{one.column}{f' − {one.minus}' if one.minus else ''}" if one.column else ""
        told = " ".join(
            part for part in (take, "of" if take and column else "", column, "in", one.table) if part
        )
    elif one.compute is not None:
        told = " ".join(part for part in (one.compute, one.result) if part)
    else:
        told = " + ".join(described(part) for part in one.sum or ())
    if one.run is not None:
        told += f", {one.run}"
    if one.less is not None:
        told += f" less {one.less}"
    if one.over is not None:
        told += f" over {one.over}"
    if getattr(one, "lowest_of", None):
        told = f"where lowest: {told}"
    return told


def published_text(one: Expectation) -> str:
    """What was published, with its tolerance, in words."""
    if one.is_ is not None:
        told = _text(one.is_)
        if one.within is None:
            return told
        near = one.within
        return f"{told} ± " + (f"{float(near.share * 100):g} %" if near.share else f"{float(near.amount):g}")
    if one.between is not None:
        return f"{_text(one.between[0])} to {_text(one.between[1])}"
    parts = (("at least", one.at_least), ("at most", one.at_most))
    return ", ".join(f"{word} {_text(bound)}" for word, bound in parts if bound is not None)


def value_text(value: Value, one: Expectation) -> str:
    """Ours, with two digits more than what was published has."""
    published = [one.is_, *(one.between or ()), one.at_least, one.at_most]
    return _text(value, max(_digits(number) for number in published if number is not None) + 2)


def _digits(number: Value) -> int:
    """Decimals that a number was written with."""
    if isinstance(number, tuple):
        return max((_digits(part) for part in number), default=0)
    exact = number if isinstance(number, Fraction) else as_fraction(number)
    if exact is None:
        return 0
    return next((digits for digits in range(8) if exact * 10**digits == int(exact * 10**digits)), 8)


def _text(value: Value, digits: int | None = None) -> str:
    if isinstance(value, tuple):
        return ", ".join(_text(part, digits) for part in value) or "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    exact = value if isinstance(value, Fraction | float) else as_fraction(value)
    if exact is None or isinstance(value, str):
        return str(value)
    if isinstance(exact, Fraction) and exact.denominator == 1:
        return f"{exact.numerator:,}"
    places = digits if digits is not None else _digits(value)
    return f"{float(exact):,.{places}f}".rstrip("0").rstrip(".")
