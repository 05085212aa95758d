"""A published case says what goes in, what has to come out, how near, and who published it."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from sim.core.clock import refuse_other_digits
from sim.scenario.model.base import Declaration, Duration, Instant, Name, Number, Whole, wrong
from sim.scenario.model.timing import Durations
from sim.scenario.tree import read_scalar

#: Words that stand for a missing value, since a null in a scenario removes something.
NOTHING: Final = "nothing"
#: Stands for every measure of a run.
EVERY_MEASURE: Final = "*"
#: The form of a name of a case, which is that of a scenario's.
NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"

_FRACTION: Final = re.compile(r"(-?[0-9]+) ?/ ?([0-9]+)")


def as_fraction(value: object) -> Fraction | None:
    """The exact value of a number, or of two whole ones with a stroke between them; None for anything else."""
    if isinstance(value, str) and (found := _FRACTION.fullmatch(value)):
        above, below = (int(part) for part in found.groups())
        return Fraction(above, below) if below else None
    return Fraction(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def _exact(value: object) -> object:
    if isinstance(value, Fraction):
        return value
    if isinstance(value, str):
        refuse_other_digits(value)
    found = as_fraction(value)
    if found is None:
        raise wrong("a number is needed, such as 0.1 or 10/252")
    return found


def _listed(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _scalar(value: object) -> object:
    if isinstance(value, dict | list) or value is None:
        raise wrong("one value is needed; a missing one is called 'nothing'")
    return value


def _scalar_or_list(value: object) -> object:
    return tuple(map(_scalar, value)) if isinstance(value, list) else _scalar(value)


def _path(value: object) -> object:
    return tuple(value.split(".")) if isinstance(value, str) else _listed(value)


def _band(value: object) -> object:
    return _listed(value) if isinstance(value, list | tuple) else (value, value)


def _said(text: str) -> str:
    if not text.strip():
        raise wrong("who published it, and where?")
    return text


_NUMBER: Final = WithJsonSchema({"type": ["number", "string"]})
Exact = Annotated[Any, BeforeValidator(_exact), _NUMBER]
Cell = Annotated[Any, BeforeValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean"]})]
Expected = Annotated[
    Any,
    BeforeValidator(_scalar_or_list),
    WithJsonSchema({"anyOf": [{"type": ["string", "number", "boolean"]}, {"type": "array"}]}),
]
Path = Annotated[
    tuple[str, ...],
    BeforeValidator(_path),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


def _tolerance(value: object) -> object:
    if isinstance(value, str) and value.endswith("%"):
        try:
            share = as_fraction(read_scalar(value[:-1].strip()))
        except ValueError as error:
            raise wrong(str(error)) from None
        if share is None:
            raise wrong("a tolerance is a number, or a share such as 2%")
        return Tolerance(share=share / 100)
    return value if isinstance(value, Tolerance) else Tolerance(amount=_exact(value))


class Tolerance(Declaration):
    """How far from what was published is near enough."""

    amount: Any = Fraction(0)
    share: Any = Fraction(0)

    def width(self, published: Fraction) -> Fraction:
        """In the unit of what was published."""
        found: Fraction = self.amount + self.share * abs(published)
        return found

    @model_validator(mode="after")
    def _not_negative(self) -> Self:
        if self.amount < 0 or self.share < 0:
            raise wrong("a tolerance is not negative")
        return self


Within = Annotated[
    Any,
    BeforeValidator(_tolerance),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]}),
]


class Condition(Declaration):
    """What a column of a row has to be for the row to count; all that is stated has to hold."""

    is_: Expected | None = Field(default=None, alias="is")
    """This value, or one of these."""
    is_not: Expected | None = Field(default=None, alias="not")
    """Neither this value nor any of these."""
    above: Cell | None = None
    """More, or later, than this."""
    below: Cell | None = None
    """Less, or earlier, than this."""
    at_least: Cell | None = None
    """This or more, or later."""
    at_most: Cell | None = None
    """This or less, or earlier."""


def _condition(value: object) -> object:
    return value if isinstance(value, dict | Condition) else {"is": value}


Told = Annotated[Condition, BeforeValidator(_condition)]

Take = Literal["value", "values", "set", "count", "sum", "mean", "min", "max", "median", "quantile", "share"]


class Quantity(Declaration):
    """A number, a text or a list that a run tells, or a function of numbers: one of the first four keys says which."""

    measure: Path | None = None
    """A measure and the names that lead to one of its numbers, such as `delay.mean`; a list where a name has a dot.

    `"*"`, with `less`, is the largest difference of any number of any measure between the two runs.
    """
    table: str | None = None
    """A table of the run."""
    compute: str | None = None
    """A function of numbers by name."""
    sum: tuple[Quantity, ...] | None = Field(default=None, min_length=1)
    """Quantities that are added up."""
    column: str | None = None
    """The column of the table that is taken; not needed to count rows."""
    minus: str | None = None
    """Another column that is taken from it, row by row; of two instants the difference is in seconds."""
    where: dict[str, Told] = Field(default_factory=dict)
    """Which rows count: a value (or list of them) for each column, or bounds."""
    take: Take | None = None
    """What is made of the rows: the `value` of the only one (the default with a column), all `values` in the order of
    the table, the `set` of them whatever the order, their `count` (the default without a column), `sum`, `mean`, `min`,
    `max`, `median` or `quantile` of the values there are, or the `share` of all rows of which `that` is true."""
    quantile: Annotated[Number, Field(ge=0, le=1)] | None = None
    """Which quantile, linear between neighbours."""
    that: Told | None = None
    """What a value has to be to count in the `share`; a missing one does not."""
    numbers: dict[str, Any] = Field(default_factory=dict, alias="with")
    """What goes into the function, by name."""
    result: str | None = None
    """Which of the results of the function, where it has several."""
    run: Name | None = None
    """The run that tells it; needed where the case has several."""
    less: Name | None = None
    """Another run, what it tells being taken away."""
    over: Name | None = None
    """Another run, what it tells being divided by."""
    times: Exact = Fraction(1)
    """A factor, such as 0.01 for an amount in minor units of a currency with two digits."""


class Expectation(Quantity):
    """What was published of a quantity, and how near ours has to come."""

    what: str | None = None
    """What it is called in the table of verdicts; by default as it is addressed."""
    is_: Expected | None = Field(default=None, alias="is")
    """The value that was published: a number, a text, a date, an instant in the zone of the period, or a list."""
    within: Within | None = None
    """How far from a number ours may be, its ends included: an amount, or a share of it such as 2%. None: exact."""
    between: tuple[Exact, Exact] | None = None
    """A published band, its ends included."""
    at_least: Exact | None = None
    """The least that agrees."""
    at_most: Exact | None = None
    """The most that agrees."""
    lowest_of: tuple[Name, ...] | None = Field(default=None, min_length=2)
    """Runs among which the quantity is compared; ours is the name of the one where it is lowest (of all, if equal)."""
    renamed: dict[str, str] = Field(default_factory=dict)
    """With measure "*": names in `run`, and what they are called in `less`."""
    differs: str | None = Field(default=None, min_length=1)
    """Why ours is another one: an honest miss, which does not fail."""

    @model_validator(mode="after")
    def _one_answer(self) -> Self:
        bounds = [name for name in ("at_least", "at_most") if getattr(self, name) is not None]
        stated = [
            name
            for name, is_stated in (
                ("is", self.is_ is not None),
                ("between", self.between is not None),
                *((name, True) for name in bounds),
            )
            if is_stated
        ]
        if not stated:
            raise wrong("what was published is needed: 'is', 'between', 'at_least' or 'at_most'")
        if len(stated) > 1 and stated != ["at_least", "at_most"]:
            raise wrong(f"state one of {' and '.join(map(repr, stated))}", field=stated[1])
        if self.between is not None and self.between[0] > self.between[1]:
            raise wrong("the band ends before it begins", field="between")
        if self.within is not None and (self.is_ is None or _without_numbers(self.is_)):
            raise wrong("only a number that ours 'is' can be near", field="within")
        return self


def _without_numbers(value: Any) -> bool:  # noqa: ANN401 - a value of a case
    return not all(as_fraction(one) is not None for one in (value if isinstance(value, tuple) else (value,)))


class Drawn(Declaration):
    """Payments that come by chance, as the theory of queues has them."""

    count: Annotated[Whole, Field(ge=1, le=1_000_000)]
    """How many."""
    start: Instant | None = None
    """When the first stretch begins; by default with the period."""
    gap: Durations | None = None
    """Time between two of them (`exponential` makes a Poisson process)."""
    during: Annotated[Duration, Field(gt=0)] | None = None
    """Instead: each comes at any second of so long a time, all equally likely."""
    payers: tuple[Name, ...] = Field(min_length=1)
    """Banks that pay, all equally likely."""
    payees: tuple[Name, ...] = Field(min_length=1)
    """Banks that are paid, all equally likely; nobody pays itself."""
    amount: Annotated[tuple[Whole, Whole], BeforeValidator(_band)] = (1, 1)
    """Whole units of currency: a number, or the least and the most, all between equally likely."""
    seed: Annotated[Whole, Field(ge=0, lt=2**63)] = 1
    """Root of these draws."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if (self.gap is None) == (self.during is None):
            raise wrong("state one of 'gap' and 'during'")
        if not 1 <= self.amount[0] <= self.amount[1]:
            raise wrong("amounts are 1 or more, the least first", field="amount")
        if {*self.payers} == {*self.payees} and len({*self.payers}) == 1:
            raise wrong("a bank does not pay itself; name another payee", field="payees")
        return self


class Case(Declaration):
    """A published case."""

    name: Annotated[str, Field(max_length=60, pattern=NAME)]
    """What it is called."""
    says: str = ""
    """What it is about, in a sentence."""
    source: Annotated[str, AfterValidator(_said)]
    """Who published the right answer, and where."""
    evidence: Literal["fitted", "predicted"]
    """`fitted`: the figure was used to calibrate, so that agreement proves nothing; `predicted`: it was not."""
    differs: str | None = Field(default=None, min_length=1)
    """An honest miss, which does not fail: why ours is another one, in all expectations that say nothing themselves."""
    scenario: Any = None
    """What is run: a scenario, complete or with `extends`; or the path or library name of one."""
    payments: str | Drawn | None = None
    """Payments of the scenario: rows of a CSV file, its header first, or how they are drawn."""
    runs: dict[Name, Any] = Field(default_factory=dict)
    """Several runs of the scenario, each by what is laid over it, as in a variant; without it there is one."""
    expect: tuple[Expectation, ...] = Field(min_length=1)
    """What was published."""
