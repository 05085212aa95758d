"""Settlement systems: where money moves between banks, and by which rules payments wait."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from sim.scenario.model.base import (
    Amount,
    Currency,
    Declaration,
    Duration,
    Share,
    Truth,
    Whole,
    check_amounts,
    reference,
    wrong,
)
from sim.scenario.model.liquidity import Rate
from sim.scenario.model.timing import HoursChoice, seconds_after_midnight, time_of_day

TimeOfDay = Annotated[str, AfterValidator(time_of_day)]
SystemName = Annotated[str, AfterValidator(reference("systems"))]


def _one_or_several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


#: One time of the day, or several.
Times = Annotated[
    tuple[TimeOfDay, ...],
    BeforeValidator(_one_or_several),
    Field(min_length=1),
    PlainSerializer(lambda times: times[0] if len(times) == 1 else times),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class Offsetting(Declaration):
    """Settling several waiting payments at once, which no account could pay one by one."""

    kind: Literal["none", "bilateral", "multilateral", "optimal"] = "none"
    """How they are found.

    `bilateral`: opposite payments of two banks; `multilateral`: the largest set that respects each bank's queue
    order; `optimal`: the largest value over all sets, found by integer programming.
    """
    when: Literal["entry"] | None = None
    """`entry`: whenever a payment has to wait; this is so unless `every` or `size` is stated."""
    every: Annotated[Duration, Field(gt=0)] | None = None
    """Time between runs, counted from the opening of each session."""
    size: Annotated[Whole, Field(ge=1)] | None = None
    """Run when a payment has to wait and so many do."""
    tolerance: Annotated[Share, Field(lt=1)] = Decimal(0)
    """An `optimal` run ends when its value is proven to be within this share of the best."""
    time_limit: Annotated[Duration, Field(gt=0)] = "10s"  # type: ignore[assignment]
    """Longest computing time of one `optimal` run; the best set found until then settles."""

    @model_validator(mode="after")
    def _one_occasion(self) -> Self:
        stated = [name for name in ("when", "every", "size") if getattr(self, name) is not None]
        if len(stated) > 1:
            raise wrong(
                f"state one of 'when', 'every' and 'size', not {' and '.join(stated)}", field=stated[1]
            )
        return self


class Throughput(Declaration):
    """A point of a throughput rule."""

    share: Annotated[Share, Field(gt=0)]
    """Part of the day's value that a bank shall have sent: of what it was asked to pay by then."""
    by: TimeOfDay
    """Local time, in the zone of the system's hours."""


class _System(Declaration):
    holding_rate: Rate = Decimal(0)
    """Price per year of money held on its accounts, on positive balances; 0 is none."""


class _Gross(_System):
    currency: Currency
    """Currency it settles."""
    hours: HoursChoice
    """When it settles; for correspondents, when the servicing banks book."""
    queue: Literal["fifo", "bypass", "priority"] = "fifo"
    """How payments of one account wait for cover.

    `fifo`: first in, first out; `bypass`: whoever is covered may pass those who are not; `priority`: higher
    priority first, then first in, first out.
    """
    offsetting: Offsetting = Offsetting()
    """Whether waiting payments settle together."""
    split_above: Amount | None = Field(default=None, gt=0)
    """A payment above this amount is submitted in parts of it and a last one of the rest."""
    throughput: tuple[Throughput, ...] = ()
    """By when banks shall have sent which share of a day's value; who holds back releases what that takes."""

    @model_validator(mode="after")
    def _countable_parts(self) -> Self:
        check_amounts(self, self.currency, "split_above")
        return self

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for number, (before, after) in enumerate(pairwise(self.throughput), start=1):
            if seconds_after_midnight(after.by) <= seconds_after_midnight(before.by):
                raise wrong("a rule's times follow one another", field=f"throughput.{number}.by")
            if after.share < before.share:
                raise wrong("a rule's shares do not fall", field=f"throughput.{number}.share")
        return self


class Rtgs(_Gross):
    """Settles each payment at once and finally if the payer's account covers it."""

    kind: Literal["rtgs"]
    """Real-time gross settlement."""
    zero_balance: Truth = False
    """Whether accounts are emptied when a session ends."""


class Correspondent(_Gross):
    """Book transfers between accounts that banks hold with one another (nostro and vostro)."""

    kind: Literal["correspondent"]
    """Correspondent banking."""
    zero_balance: Truth = False
    """Whether accounts are emptied when a session ends."""


class Clearing(_Gross):
    """A clearing account: agents owe each other what they pay on balance, and square it once a period.

    In all else it is a gross system. Its accounts are the agents' positions, which begin at zero.
    """

    kind: Literal["clearing"]
    """Clearing account with a swing limit."""
    swing: Amount = Field(ge=0)
    """How far the position of an agent may fall below zero; between two agents that caps both directions."""
    settled: Literal["weekly", "monthly", "two-monthly"]
    """The period at whose end all positions go back to zero; `two-monthly` ends with February, April and so on."""
    at: TimeOfDay
    """Local time of that on the last working day of the period, or the next opening after it."""
    settled_in: Currency | None = None
    """Currency in which the balances are paid, at mid of that instant; by default the unit of account."""

    @model_validator(mode="after")
    def _countable_swing(self) -> Self:
        check_amounts(self, self.currency, "swing")
        return self


class Dns(_System):
    """Gathers payments and settles at its cycles what each participant owes or is owed on balance."""

    kind: Literal["dns"]
    """Deferred net settlement."""
    currency: Currency
    """Currency it settles."""
    hours: HoursChoice
    """When it accepts payments."""
    cycles: tuple[TimeOfDay, ...] = Field(min_length=1)
    """Local times of the netting cycles, on each working day of `hours`."""
    shortfall: Literal["unwind", "pool"] = "unwind"
    """What happens when a participant cannot cover its net debit.

    `unwind`: its newest payments are put off to the next cycle; `pool`: the others lend it what it lacks, in
    proportion to the cover that they have to spare.
    """
    zero_balance: Truth = False
    """Whether accounts are emptied when a session ends."""


class Hybrid(_System):
    """Settles gross while funds last, and the rest together at its cycles."""

    kind: Literal["hybrid"]
    """Gross settlement with deferred netting of what is not covered."""
    currency: Currency
    """Currency it settles."""
    hours: HoursChoice
    """When it settles."""
    cycles: tuple[TimeOfDay, ...] = Field(min_length=1)
    """Local times of the netting cycles, on each working day of `hours`."""
    zero_balance: Truth = False
    """Whether accounts are emptied when a session ends."""


class Pvp(Declaration):
    """Links two systems of two currencies: a payment moves in the one, its counter-value back in the other.

    Both movements take place at one instant, or none does, and only while both systems are open.
    """

    kind: Literal["pvp"]
    """Payment versus payment."""
    legs: tuple[SystemName, SystemName]
    """The two systems, which are `rtgs`, `correspondent` or `hybrid`."""
    queue: Literal["fifo", "bypass"] = "fifo"
    """How payments wait until both debited accounts cover them.

    `fifo`: nobody passes an earlier payment that waits for one of the two accounts; `bypass`: whoever is covered
    may pass those who are not.
    """


#: The systems that keep accounts, in a currency of theirs.
Books = Rtgs | Correspondent | Clearing | Dns | Hybrid

#: The systems whose accounts can be emptied when a session ends.
Emptied = Rtgs | Correspondent | Dns | Hybrid

System = Annotated[Books | Pvp, Field(discriminator="kind")]
