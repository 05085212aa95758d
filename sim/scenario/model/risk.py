"""A firm may fix today what foreign money costs later; what it cannot fix is told as a risk."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from sim.scenario.model.base import Currency, Declaration, Duration, Number, Share, Whole, wrong
from sim.scenario.model.fx.parts import EstimationWindow


class InterestRate(Declaration):
    """What money of a currency earns; a plain number may stand in its place."""

    rate: Number = Field(ge=Decimal("-0.05"), le=5)
    """Simple interest per year of 365 days (0.095 is 9.5 % a year)."""
    source: str | None = None
    """Where the number comes from, or the word assumption with a range."""

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, written: Any) -> Any:  # noqa: ANN401 - whatever was written
        return written if isinstance(written, dict | InterestRate) else {"rate": written}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Allow the plain number in the schema, too."""
        declared = handler.resolve_ref_schema(handler(core))
        return {"anyOf": [{"type": "number"}, dict(declared)], "description": declared.get("description", "")}


class Hedge(Declaration):
    """How a group of firms covers what it owes or is owed in foreign currency: by forwards, on invoice."""

    ratio: Share
    """Part of each obligation that is covered."""
    spread_bps: Number = Field(ge=0, lt=10_000)
    """Ask less bid of a forward, in basis points of its rate; a firm deals half of it away from parity."""
    currencies: tuple[Currency, ...] | None = None
    """Currencies that are covered; by default all foreign ones."""
    minimum_term: Annotated[Duration, Field(ge=0)] = 0
    """Obligations that fall due sooner after the invoice are not covered."""
    roll_days: Whole = Field(default=7, ge=1, le=366)
    """Term of a forward that follows one which matured before the currency was exchanged, in days of 24 h."""
    source: str | None = None
    """Where the numbers come from, or the word assumption with a range."""


class Risk(Declaration):
    """What is asked of the open positions: how much they can lose, how soon, and how surely not more."""

    horizons_days: tuple[Annotated[Whole, Field(ge=1, le=366)], ...] = (1, 10)
    """Calendar days over which a position is held."""
    levels: tuple[Annotated[Number, Field(ge=Decimal("0.5"), lt=1)], ...] = (Decimal("0.95"), Decimal("0.99"))
    """Probabilities that the loss is no larger than the value at risk."""
    window: EstimationWindow | None = None
    """Stretch of the shipped history that tells how rates move; by default all of it."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for field in ("horizons_days", "levels"):
            values = getattr(self, field)
            if len(set(values)) < len(values):
                raise wrong("a number stands here twice", field=field)
        return self
