"""What a route is made of: steps at banks, at markets and in settlement systems, and what they cost."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, Self, TypeGuard, cast, get_args

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from sim.core.causes import check_places
from sim.scenario.model.base import (
    Amount,
    Currency,
    Declaration,
    Share,
    Whole,
    check_amounts,
    nearest,
    reference,
    written,
    wrong,
)
from sim.scenario.model.kinds import check_stated, kinds
from sim.scenario.model.settlement import SystemName
from sim.scenario.model.timing import Durations, HoursChoice

#: What a duration that is drawn can be.
DISTRIBUTIONS: Final = get_args(get_args(Durations)[0])

#: Parts that banks play on a route; a bank may not be called by such a name.
ROLES: Final = ("payer_bank", "payee_bank", "payer_correspondent", "payee_correspondent")


def not_a_role(name: str) -> str:
    """Refuse a name that would be taken for a role."""
    if name in ROLES:
        raise wrong(f"{name!r} is a role on a route, not the name of a bank")
    return name


def _bank_or_role(name: str, info: ValidationInfo) -> str:
    if name in ROLES or name in (banks := _all_banks(name, info)):
        return name
    suggestion = nearest(name, {*ROLES, *banks})
    raise wrong(f"{name!r} is neither a role nor the name of a bank", suggestion=suggestion)


def _bank(name: str, info: ValidationInfo) -> str:
    if name in (banks := _all_banks(name, info)):
        return name
    raise wrong(f"{name!r} is not the name of a bank", suggestion=nearest(name, {*banks}))


def _all_banks(name: str, info: ValidationInfo) -> Collection[str]:
    """Every bank of the scenario; where nothing is known of it, `name` passes for one."""
    context = info.context or {}
    sections = context.get("names")
    declared = None if sections is None else sections.get("banks", ())
    if declared is None:
        return {name}
    if not declared and "holders" not in context:
        # Looked for once, for every step and route asks.
        context["holders"] = _holders(written(info, "accounts"))
    return cast("Collection[str]", declared or context["holders"])


def _holders(accounts: Any) -> set[str]:  # noqa: ANN401 - whatever was written
    """Who is a bank where none is declared: whoever holds an account."""
    listed = accounts if isinstance(accounts, list) else []
    found = [account.get("holder") for account in listed if isinstance(account, dict)]
    return {holder for holder in found if isinstance(holder, str)}


SideName = Annotated[str, AfterValidator(reference("sides"))]


class Fee(Declaration):
    """What a step costs."""

    bearer: Literal["payer", "payee"] = "payer"
    """Firm that is charged."""
    sides: Annotated[tuple[SideName, ...], Field(min_length=1)] | None = None
    """Sides whose firms are charged, since a tariff is its own bank's; by default all."""
    currency: Currency
    """Currency of the charge."""
    flat: Amount = Field(default=Decimal(0), ge=0)
    """Fixed part."""
    share: Share = Decimal(0)
    """Part of the payment's value, taken at mid."""
    minimum: Amount = Field(default=Decimal(0), ge=0)
    """Least charge."""
    maximum: Amount | None = Field(default=None, gt=0)
    """Most that is charged."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""

    @model_validator(mode="after")
    def _amounts(self) -> Self:
        check_amounts(self, self.currency, "flat", "minimum", "maximum")
        if self.maximum is not None and self.maximum < self.minimum:
            raise wrong("the maximum is less than the minimum", field="maximum")
        return self


#: A role, or a bank by its name.
BankOrRole = Annotated[str, AfterValidator(_bank_or_role)]

#: A bank by its name: one that is declared or, where none is, one that holds an account.
AnyBank = Annotated[str, AfterValidator(_bank)]


class _Step(Declaration):
    """What every kind of step tells of itself; nobody else asks which one it is."""

    opens: ClassVar[bool]
    """Whether it can only be the first step of a route."""
    moves: ClassVar[bool]
    """Whether money moves in a `system`, from a bank in the role `debit` to one in the role `credit`."""
    reviews: ClassVar[bool]
    """Whether a person may look at a payment, as a `Screen` says, and may send it back."""
    credits: ClassVar[bool]
    """Whether the payee has its money then, which ends the route but for what the payee does with it."""
    places: ClassVar[tuple[str, ...]]
    """Where payments are in it, in the order in which they pass: of `sim.core.causes`, the last one its own."""

    if TYPE_CHECKING:
        # A field of each kind, which is its discriminator.
        kind: str
    fee: Fee | None = None
    """What the step costs."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""

    def draws(self) -> tuple[str, ...]:
        """Names of the draws that it needs for each payment: they tell kind, place and purpose, not the route.

        One for each duration that it states, whose purpose is the name of the field. A kind says more itself, if it
        lets other things to chance, or has places whose payments differ.
        """
        return tuple(f"{self.kind}/{name}" for name, value in self if isinstance(value, DISTRIBUTIONS))

    def acting(self) -> tuple[str, ...]:
        """Roles that somebody must play, beside the payer's and the payee's bank."""
        return ()

    def exchanging(self) -> Literal["payer", "payee"] | None:
        """Who exchanges currency in it; None if nobody does."""
        return None

    def windowed(self) -> str | None:
        """The field that states in which hours orders are taken up; None if it is at any time."""
        return None


class Originate(_Step):
    """The payer's bank accepts the order and checks it."""

    opens: ClassVar = True
    moves: ClassVar = False
    reviews: ClassVar = False
    credits: ClassVar = False
    places: ClassVar = ("cut_off", "payer_bank")

    kind: Literal["originate"]
    """Kind of step."""
    accepts: HoursChoice | None = None
    """When orders are taken up; an order after the cut-off waits for the next opening."""
    work: Durations
    """Working time of the back office, within the hours of the payer's bank."""

    def windowed(self) -> str | None:
        """See `_Step`."""
        return None if self.accepts is None else "accepts"


class Convert(_Step):
    """A firm exchanges its functional currency for the payment's, or the other way round."""

    opens: ClassVar = False
    moves: ClassVar = False
    reviews: ClassVar = False
    credits: ClassVar = False
    places: ClassVar = ("market",)

    kind: Literal["convert"]
    """Kind of step."""
    by: Literal["payer", "payee"] = "payer"
    """The payer buys before paying; the payee sells after the credit, which delays nothing."""

    def exchanging(self) -> Literal["payer", "payee"]:
        """See `_Step`."""
        return self.by


class Screen(_Step):
    """The desk of a bank looks at the payment: it reviews some of them, and sends some of those back."""

    opens: ClassVar = False
    moves: ClassVar = False
    reviews: ClassVar = True
    credits: ClassVar = False
    places: ClassVar = ("review",)

    kind: Literal["screen"]
    """Kind of step."""
    at: BankOrRole
    """Bank whose desk and hours apply: a role such as payee_bank, or the name of a bank."""
    probability: Share
    """Part of the payments that a person reviews; the others pass at once."""
    work: Durations
    """Working time of a review, within the hours of the desk."""
    return_probability: Share = Decimal(0)
    """Part of the reviewed payments that are sent back when the review is over."""
    return_after: Durations | None = None
    """From then until the money begins its way back over the same accounts, day and night."""
    correction: Durations | None = None
    """Working time of the payer's bank on what came back, before it is instructed again; none by default."""
    attempts: Whole = Field(default=2, ge=1, le=10)
    """How often a payment is instructed in all; sent back at the last attempt, it is cancelled."""

    @model_validator(mode="after")
    def _comes_back(self) -> Self:
        if self.return_probability and self.return_after is None:
            raise wrong("what is sent back needs 'return_after'", field="return_probability")
        return self

    def draws(self) -> tuple[str, ...]:
        """See `_Step`."""
        purposes = ("review", "work", "return", "return_after", "correction")
        return tuple(f"screen/{self.at}/{purpose}" for purpose in purposes)

    def acting(self) -> tuple[str, ...]:
        """See `_Step`."""
        return (self.at,)


class Message(_Step):
    """The instruction travels."""

    opens: ClassVar = False
    moves: ClassVar = False
    reviews: ClassVar = False
    credits: ClassVar = False
    places: ClassVar = ("message",)

    kind: Literal["message"]
    """Kind of step."""
    time: Durations
    """Time in transit, day and night."""


class Settle(_Step):
    """Money moves in a system, finally."""

    opens: ClassVar = False
    moves: ClassVar = True
    reviews: ClassVar = False
    credits: ClassVar = False
    places: ClassVar = ("system",)

    kind: Literal["settle"]
    """Kind of step."""
    system: SystemName
    """System that settles."""
    debit: BankOrRole = "payer_bank"
    """Whose account pays: payer_bank, payee_bank, payer_correspondent, payee_correspondent, or a bank by name.

    A correspondent is the bank that keeps the account of the payer's or payee's bank in the first correspondent
    system of the route that has one."""
    credit: BankOrRole = "payee_bank"
    """Whose account receives, as in `debit`; nothing moves if both are the same bank.

    In a `pvp` these are the banks of the leg of the payment's currency; the counter-value moves back from
    `credit` to `debit` in the other one."""

    def acting(self) -> tuple[str, ...]:
        """See `_Step`."""
        return (self.debit, self.credit)


class Post(_Step):
    """The payee's bank credits its client."""

    opens: ClassVar = False
    moves: ClassVar = False
    reviews: ClassVar = False
    credits: ClassVar = True
    places: ClassVar = ("payee_bank",)

    kind: Literal["post"]
    """Kind of step."""
    work: Durations
    """Working time of the back office, within the hours of the payee's bank."""
    automatic: Share = Decimal(0)
    """Part of the payments that are credited without hands."""
    automatic_time: Durations | None = None
    """How long that takes."""
    automatic_hours: HoursChoice = "always"
    """When that goes on; an outage of the payee's bank stops it."""

    @model_validator(mode="after")
    def _automatic(self) -> Self:
        if self.automatic and self.automatic_time is None:
            raise wrong("what is credited without hands needs 'automatic_time'", field="automatic")
        return self

    def draws(self) -> tuple[str, ...]:
        """See `_Step`."""
        machine = () if self.automatic_time is None else ("post/automatic", "post/automatic_time")
        return ("post/work", *machine)


Step = Annotated[Originate | Convert | Screen | Message | Settle | Post, Field(discriminator="kind")]

check_stated(
    Step,
    "kind of step",
    _Step,
    {"moves": ("system", "debit", "credit"), "reviews": tuple(Screen.model_fields)},
)
check_places({step: declaration.places for step, declaration in kinds(Step).items()})  # type: ignore[attr-defined]


def moves(step: Step) -> TypeGuard[Settle]:
    """Whether money moves in a step."""
    return step.moves


def reviews(step: Step) -> TypeGuard[Screen]:
    """Whether payments may be reviewed in a step."""
    return step.reviews
