"""A bank promises on which day money has value: by its cut-off, and by the days that several countries work."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Discriminator, Field, Tag

from sim.scenario.model.base import Declaration, Whole
from sim.scenario.model.steps import SideName
from sim.scenario.model.timing import CalendarName, HoursChoice


class ValueDate(Declaration):
    """From which day on a payment may settle, by the instant at which the payer's bank accepts it.

    A joint day is one on which every calendar works. Work, markets and messages go on at once; the first settlement
    waits for the opening of the business day of its system.
    """

    cutoff: HoursChoice
    """Hours to whose last end, on each of their days, what is accepted is in time, even before they begin."""
    days: Whole = Field(default=0, ge=0, le=366)
    """Joint days after the day of acceptance for what is in time; 0 is that day, or the next joint one."""
    late: Whole = Field(default=1, ge=1, le=366)
    """Joint days after the day of acceptance for what is late, as everything is on a day without hours."""
    calendars: Annotated[tuple[CalendarName, ...], Field(min_length=1)]
    """Calendars that have to work on a value date, such as those of both countries."""
    source: str | None = None
    """Where the promise comes from, or the word assumption."""


_ONE, _BY_SIDE = "a value date", "by side"


def _form(stated: object) -> str:
    """A promise to everybody is known by its own keys."""
    one = isinstance(stated, ValueDate) or (
        isinstance(stated, dict) and not ValueDate.model_fields.keys().isdisjoint(stated)
    )
    return _ONE if one else _BY_SIDE


#: One promise to all payers, or one to the payers of each side.
ValueDates: TypeAlias = Annotated[
    Annotated[ValueDate, Tag(_ONE)]
    | Annotated[dict[SideName, ValueDate], Tag(_BY_SIDE), Field(min_length=1)],
    Discriminator(_form),
]
