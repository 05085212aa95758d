"""Settlement systems: where money moves between banks, and by which rules payments wait."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, NamedTuple, Self, TypeGuard

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from sim.core.currency import minor_digits
from sim.scenario.model.base import (
    Amount,
    Currency,
    Declaration,
    Duration,
    Number,
    Share,
    Truth,
    Whole,
    check_amounts,
    reference,
    wrong,
)
from sim.scenario.model.kinds import check_stated
from sim.scenario.model.timing import HoursChoice, seconds_after_midnight, time_of_day

TimeOfDay = Annotated[str, AfterValidator(time_of_day)]
SystemName = Annotated[str, AfterValidator(reference("systems"))]
#: A rate per year, 0.05 for 5 %.
Rate = Annotated[Number, Field(ge=0, le=1_000)]


def lendable(collateral: Decimal, haircut: Decimal, currency: str) -> int:
    """Minor units that collateral is good for: its value less the haircut, rounded down."""
    value = (collateral * (1 - haircut)).scaleb(minor_digits(currency))
    return int(value.to_integral_value(rounding=ROUND_FLOOR))


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


class Squaring(NamedTuple):
    """How positions go back to zero: within which swing, how often and when, and in which currency they are paid."""

    currency: str
    swing: Decimal
    every: str
    at: str
    settled_in: str | None


class _Kind(Declaration):
    """What every kind of system tells of itself; nobody else asks which one it is."""

    keeps_accounts: ClassVar[bool]
    """Whether it has accounts, in a `currency` and `hours` of its own; if not, it moves money on those of its legs."""
    may_be_leg: ClassVar[bool]
    """Whether a link may move money in it at any instant at which it is open."""
    central: ClassVar[bool]
    """Whether an operator settles, in hours of its own, and not banks in their books."""
    serviced: ClassVar[bool]
    """Whether each account is kept by a bank, its servicer, which has a position of its own."""
    squares: ClassVar[bool]
    """Whether accounts are positions, which begin at zero and go back to it; `squaring` tells how."""
    takes_limits: ClassVar[bool]
    """Whether its banks may limit what they send, and reserve money for urgent payments."""
    takes_holds: ClassVar[bool]
    """Whether its banks may hold payments back until a time of the day."""

    # What only some kinds can be told is a field there, and has an answer here for all.

    @property
    def linked(self) -> tuple[str, ...]:
        """The systems whose accounts it uses, if it keeps none."""
        found: tuple[str, ...] = getattr(self, "legs", ())
        return found

    @property
    def empties(self) -> bool:
        """Whether accounts are emptied when a session ends."""
        return bool(getattr(self, "zero_balance", False))

    @property
    def netted_at(self) -> tuple[str, ...]:
        """Local times of its netting cycles."""
        found: tuple[str, ...] = getattr(self, "cycles", ())
        return found

    @property
    def queue_order(self) -> Literal["fifo", "bypass", "priority"] | None:
        """How payments wait one by one for cover on an account; None where they do not."""
        return None

    @property
    def offset_every(self) -> int | None:
        """Seconds between runs of offsetting; None without such."""
        return None

    @property
    def largest_part(self) -> Decimal | None:
        """The most that is submitted in one part; None without a limit."""
        return None

    @property
    def rule(self) -> tuple[Throughput, ...]:
        """The throughput rule, none if it is empty."""
        return ()

    @property
    def squaring(self) -> Squaring | None:
        """How positions are squared, where `squares`."""
        return None


class _Book(_Kind):
    keeps_accounts: ClassVar = True
    holding_rate: Rate = Decimal(0)
    """Price per year of money held on its accounts, on positive balances; 0 is none."""


class _Gross(_Book):
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

    @property
    def queue_order(self) -> Literal["fifo", "bypass", "priority"]:
        """See `_Kind`."""
        return self.queue

    @property
    def offset_every(self) -> int | None:
        """See `_Kind`."""
        return self.offsetting.every

    @property
    def largest_part(self) -> Decimal | None:
        """See `_Kind`."""
        return self.split_above

    @property
    def rule(self) -> tuple[Throughput, ...]:
        """See `_Kind`."""
        return self.throughput


class Rtgs(_Gross):
    """Settles each payment at once and finally if the payer's account covers it."""

    may_be_leg: ClassVar = True
    central: ClassVar = True
    serviced: ClassVar = False
    squares: ClassVar = False
    takes_limits: ClassVar = True
    takes_holds: ClassVar = True

    kind: Literal["rtgs"]
    """Real-time gross settlement."""
    zero_balance: Truth = False
    """Whether accounts are emptied when a session ends."""


class Correspondent(_Gross):
    """Book transfers between accounts that banks hold with one another (nostro and vostro)."""

    may_be_leg: ClassVar = True
    central: ClassVar = False
    serviced: ClassVar = True
    squares: ClassVar = False
    takes_limits: ClassVar = False
    takes_holds: ClassVar = True

    kind: Literal["correspondent"]
    """Correspondent banking."""
    zero_balance: Truth = False
    """Whether accounts are emptied when a session ends."""


class Clearing(_Gross):
    """A clearing account: agents owe each other what they pay on balance, and square it once a period.

    In all else it is a gross system. Its accounts are the agents' positions, which begin at zero.
    """

    may_be_leg: ClassVar = False
    central: ClassVar = False
    serviced: ClassVar = False
    squares: ClassVar = True
    takes_limits: ClassVar = False
    takes_holds: ClassVar = False

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

    @property
    def squaring(self) -> Squaring:
        """See `_Kind`."""
        return Squaring(self.currency, self.swing, self.settled, self.at, self.settled_in)


class Dns(_Book):
    """Gathers payments and settles at its cycles what each participant owes or is owed on balance."""

    may_be_leg: ClassVar = False
    central: ClassVar = True
    serviced: ClassVar = False
    squares: ClassVar = False
    takes_limits: ClassVar = False
    takes_holds: ClassVar = False

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


class Hybrid(_Book):
    """Settles gross while funds last, and the rest together at its cycles."""

    may_be_leg: ClassVar = True
    central: ClassVar = True
    serviced: ClassVar = False
    squares: ClassVar = False
    takes_limits: ClassVar = False
    takes_holds: ClassVar = False

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


class Pvp(_Kind):
    """Links two systems of two currencies: a payment moves in the one, its counter-value back in the other.

    Both movements take place at one instant, or none does, and only while both systems are open.
    """

    keeps_accounts: ClassVar = False
    may_be_leg: ClassVar = False
    central: ClassVar = False
    serviced: ClassVar = False
    squares: ClassVar = False
    takes_limits: ClassVar = False
    takes_holds: ClassVar = False

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

System = Annotated[Books | Pvp, Field(discriminator="kind")]

check_stated(System, "kind of system", _Kind, {"keeps_accounts": ("currency", "hours", "holding_rate")})


def is_book(system: System) -> TypeGuard[Books]:
    """Whether a system keeps accounts."""
    return system.keeps_accounts
