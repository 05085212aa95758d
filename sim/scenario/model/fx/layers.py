"""Models on top of another: `base` moves the rates, and the layer changes one thing about them."""

from __future__ import annotations

from abc import abstractmethod
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self, TypeGuard

from pydantic import Field, model_validator

from sim.scenario.model.base import Currency, Day, Declaration, Number, Share, Truth, wrong
from sim.scenario.model.fx.bases import AnyDrawn, Given
from sim.scenario.model.fx.parts import BasketAnchor, BasketStart, Foreign, Model, Volatility
from sim.scenario.model.kinds import check_stated, kinds

#: A change of a rate, as a share of it: 0.2 makes a dollar a fifth dearer.
Change = Annotated[Number, Field(gt=-1)]


class FixedSize(Declaration):
    """Every jump has this size."""

    kind: Literal["fixed"]
    """Every jump has this size."""
    value: Change
    """Change of the units per USD (0.56 makes a dollar 56 % dearer)."""


class UniformSize(Declaration):
    """Every size between two is as likely."""

    kind: Literal["uniform"]
    """Every size between two is as likely."""
    low: Change
    """Least change of the units per USD (0.08 makes a dollar 8 % dearer)."""
    high: Change
    """Largest change."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.high < self.low:
            raise wrong("the largest change is less than the least", field="high")
        return self


class NormalSize(Declaration):
    """The log rate moves by a normal amount, as in Merton's model."""

    kind: Literal["normal"]
    """The log rate moves by a normal amount."""
    mean: Number
    """Mean change of the log rate."""
    deviation: Volatility
    """Standard deviation of that change."""


Size = Annotated[FixedSize | UniformSize | NormalSize, Field(discriminator="kind")]


class Jump(Declaration):
    """Jumps on unforeseen days, at most one a day."""

    currency: Foreign
    """Currency whose units per USD jump."""
    intensity: Annotated[Number, Field(ge=0, le=365)]
    """Expected number of jumps a year of 365.25 days; each day is as likely."""
    size: Size
    """How far the rate jumps."""
    compensated: Truth = True
    """Whether the rate drifts the other way on every day, so that a dollar's expected price stays that of
    the base."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""

    @property
    def label(self) -> str:
        """What its draws are called by; jumps alike are numbered."""
        return f"{self.currency}/jump"


class DatedJump(Declaration):
    """A jump on a known day, if it happens; nothing compensates for it."""

    currency: Foreign
    """Currency whose units per USD jump."""
    date: Day
    """Day whose rate is the first one after the jump; a day with rates other than the first."""
    probability: Share = Decimal(1)
    """Probability that it happens."""
    size: Size
    """How far the rate jumps."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""

    @property
    def label(self) -> str:
        """See `Jump`."""
        return f"{self.currency}/jump/{self.date}"


class Layer(Model):
    """A model on top of another one."""

    layer: ClassVar = True

    if TYPE_CHECKING:
        # A field of each layer, which declares it in the order of its own keys.
        base: Fx

    @abstractmethod
    def needs(self) -> set[str]:
        """Currencies that its base has to move for it, whatever is asked for."""

    def replaces(self) -> str | None:
        """The currency that its base need not move, since it moves that itself."""
        return None

    def moved_to(self) -> date | None:
        """See `Model`."""
        return self.base.moved_to()

    def anchor(self) -> date | None:
        """See `Model`."""
        return self.base.anchor()

    def own_file(self) -> str | None:
        """See `Model`."""
        return self.base.own_file()

    def kept_in(self, file: str) -> Self:
        """See `Model`."""
        return self.model_copy(update={"base": self.base.kept_in(file)})


class JumpFx(Layer):
    """Jumps on top of another model.

    After Merton (1976), "Option pricing when underlying stock returns are discontinuous", Journal of Financial
    Economics 3.
    """

    estimated: ClassVar = True

    kind: Literal["jump"]
    """Jumps on top of another model."""
    jumps: tuple[Jump, ...] = ()
    """Jumps on unforeseen days."""
    dated: tuple[DatedJump, ...] = ()
    """Jumps on known days."""
    start: Day | None = None
    """Day on which the rate is that of the base; jumps count from there in both directions. By default the base's day,
    and where it has none the first day of the period."""
    base: Fx
    """The model that moves the rates between jumps."""
    source: str | None = None
    """Where the choices come from, or the word assumption."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.jumps and not self.dated:
            raise wrong("state what jumps, under 'jumps' or 'dated'")
        return self

    def stated(self) -> set[str]:
        """See `Model`."""
        return {jump.currency for jump in self.jumping()} | self.base.stated()

    def anchor(self) -> date | None:
        """See `Model`."""
        return self.base.anchor() if self.start is None else self.start

    def jumping(self) -> tuple[Jump | DatedJump, ...]:
        """See `Model`."""
        return (*self.jumps, *self.dated)

    def needs(self) -> set[str]:
        """See `Layer`."""
        return {jump.currency for jump in self.jumping()}


class BasketFx(Layer):
    """One currency is managed against a geometric basket of others, as the Belarusian rouble is.

    Its log rate per USD is the weighted sum of theirs (zero for USD) and a Brownian residual, the log
    price of the basket; its expected price on a later day is that of the day from which it is drawn.
    """

    estimated: ClassVar = True

    kind: Literal["basket"]
    """One currency follows a basket of others."""
    currency: Foreign
    """The currency that follows the basket."""
    weights: dict[Currency, Share]
    """Weight of each currency of the basket; they add up to 1, with that of USD."""
    residual_volatility: Volatility
    """Annual standard deviation of the log price of the basket."""
    start: BasketStart = "history"
    """The day from which the basket is drawn in both directions, and the currency's rate then: a date, by default the
    base's day; units per 1 USD, by default (`history`) the last observation at or before the day of history that the
    base takes then; or `date` and `rate`."""
    base: Fx
    """The model that moves the currencies of the basket, and all others."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""

    @model_validator(mode="after")
    def _weighted(self) -> Self:
        total = sum(self.weights.values(), Decimal(0))
        if total != 1:
            raise wrong(f"the weights add up to {total}, not to 1", field="weights")
        if self.currency in self.weights:
            raise wrong(f"{self.currency} cannot be in its own basket", field=f"weights.{self.currency}")
        if self.currency in self.base.stated():
            raise wrong(f"{self.currency} follows the basket; do not state it below, too", field="base")
        return self

    def anchor(self) -> date | None:
        """See `Model`."""
        if isinstance(self.start, BasketAnchor):
            return self.start.date
        return self.start if isinstance(self.start, date) else self.base.anchor()

    def first_rate(self) -> Literal["history"] | Decimal:
        """The rate of the anchor, or that it is that of history."""
        if isinstance(self.start, BasketAnchor):
            return self.start.rate
        return self.start if isinstance(self.start, Decimal) else "history"

    def stated(self) -> set[str]:
        """See `Model`."""
        return {self.currency} | self.base.stated()

    def needs(self) -> set[str]:
        """See `Layer`."""
        return {*self.weights}

    def replaces(self) -> str:
        """See `Layer`."""
        return self.currency


class BandFx(Layer):
    """One currency trades within a band around a daily fixing, as the yuan does against the dollar.

    The base moves the rate that there would be without a band. On each day the rate is that one or, if it
    lies outside, the edge of the band; the next fixing takes up a share of the distance at which the rate
    ended from the last fixing.
    """

    estimated: ClassVar = False

    kind: Literal["band"]
    """One currency trades within a band around a daily fixing."""
    currency: Foreign
    """The currency that is held in the band."""
    width: Annotated[Number, Field(gt=0, lt=1)]
    """Half-width of the band: 0.02 allows 2 % more or less units per USD than the fixing."""
    adjustment: Share = Decimal(1)
    """Share of yesterday's log distance from the fixing that today's fixing takes up: 1 fixes at
    yesterday's rate, 0 never moves the fixing."""
    start: Day | None = None
    """Day of the first fixing, from which the band is laid in both directions. By default the base's day, and where it
    has none the first day of the period."""
    base: Fx
    """The model that moves the rate without a band, and all other rates."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""

    def anchor(self) -> date | None:
        """See `Model`."""
        return self.base.anchor() if self.start is None else self.start

    def stated(self) -> set[str]:
        """See `Model`."""
        return {self.currency} | self.base.stated()

    def needs(self) -> set[str]:
        """See `Layer`."""
        return {self.currency}


Fx = Annotated[Given | AnyDrawn | JumpFx | BasketFx | BandFx, Field(discriminator="kind")]


for _model in kinds(Fx).values():
    _model.model_rebuild()

check_stated(Fx, "model of exchange rates", Model, {"layer": ("base", "needs", "replaces")})


def is_layer(declared: Fx) -> TypeGuard[Layer]:
    """Whether a model changes what another one moves."""
    return declared.layer
