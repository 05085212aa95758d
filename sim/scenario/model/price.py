"""Time has a price for whoever waits for money, and it differs by what is paid."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from sim.scenario.model.base import Amount, Declaration, Duration, Number, Priority, wrong
from sim.scenario.model.settlement import Rate
from sim.scenario.model.timeline import FlowName


def per_year(written: Any) -> Any:  # noqa: ANN401 - whatever was written
    """A number alone is a rate per year."""
    is_number = isinstance(written, (int, float, Decimal)) and not isinstance(written, bool)
    return {"rate": written} if is_number else written


class DelayPrice(Declaration):
    """What it costs that a payment arrives after its order, or after it is due if that is later.

    Either by rates per year on its value, for every second; or by the periods that have begun.
    """

    rate: Rate | None = None
    """Price per year on the value of payments for which nothing else is stated."""
    flows: dict[FlowName, Rate] = Field(default_factory=dict)
    """Price per year on the value of what some flows owe."""
    priorities: dict[Priority, Rate] = Field(default_factory=dict)
    """Price per year on the value of payments of some priority; a flow's own price comes first."""
    amount: Amount | None = Field(default=None, ge=0)
    """Price of a payment per period, in the reporting currency."""
    share: Annotated[Number, Field(ge=0, le=1_000)] | None = None
    """Price per period as a share of the value."""
    every: Annotated[Duration, Field(gt=0)] | None = None
    """Length of a period of `amount` or `share`; one that has begun counts whole."""
    source: str | None = None
    """Where the numbers come from, or the word assumption."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        yearly = self.rate is not None or self.flows or self.priorities
        periodic = [name for name in ("amount", "share") if getattr(self, name) is not None]
        if len(periodic) + bool(yearly) != 1:
            raise wrong(
                "state one price: rates per year ('rate', 'flows', 'priorities'), 'amount' or 'share'"
            )
        if periodic and self.every is None:
            raise wrong(f"'{periodic[0]}' is a price per period; add 'every'", field=periodic[0])
        if yearly and self.every is not None:
            raise wrong("rates per year know no period", field="every")
        return self

    def yearly(self, flow: str | None, priority: int) -> Decimal:
        """The price per year on the value of payments of a flow and a priority, 0 where none is stated."""
        usual = Decimal(0) if self.rate is None else self.rate
        found = self.priorities.get(priority, usual)
        return found if flow is None else self.flows.get(flow, found)
