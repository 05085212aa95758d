"""What nobody knows exactly is declared as a range, from which studies draw."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from sim.core.clock import refuse_other_digits
from sim.core.scales import is_below, scale_of
from sim.scenario.model.base import Declaration, Number, said, wrong
from sim.scenario.paths import path_of
from sim.scenario.tree import read_scalar

#: What says which run it is: replications that differ in it have nothing in common.
_NOT_DRAWN: Final = frozenset(
    {
        "name",
        "question",
        "description",
        "seed",
        "period",
        "run_in",
        "horizon",
        "reporting_currency",
        "uncertain",
    }
)


@said
def _path(text: str) -> str:
    path = path_of(text)
    if path is None:
        raise ValueError(
            f"{text!r} is not a path such as treasuries.minsk.lag or markets.*.pairs.*.spread_bps"
        )
    if path[0] in _NOT_DRAWN:
        raise ValueError(
            f"{path[0]!r} says what is run, and cannot differ between the replications of a study"
        )
    return text


@said
def _single(text: str) -> Any:  # noqa: ANN401 - whatever the text says
    refuse_other_digits(text)
    return read_scalar(text)


@said
def _alternative(text: str) -> str:
    read_scalar(text)
    return text


def _end(value: Any) -> Any:  # noqa: ANN401 - whatever was written
    found = _single(value) if isinstance(value, str) else value
    found = Decimal(repr(found)) if isinstance(found, float) else found
    if isinstance(found, bool) or not isinstance(found, str | int | Decimal):
        raise wrong("a number, a duration, a time of day, a date or a session is needed")
    said(scale_of)(found)  # type: ignore[arg-type]
    return found


_BOTH: dict[str, Any] = {"anyOf": [{"type": "number"}, {"type": "string"}]}
End = Annotated[Any, BeforeValidator(_end), WithJsonSchema(_BOTH)]
Alternative = Annotated[str, AfterValidator(_alternative)]
Above = Annotated[Number, Field(gt=0)]
Part = Annotated[Number, Field(ge=0, le=1)]


class Assumption(Declaration):
    """A value, or several that go together, of which only a range is known; exactly one way to draw it is stated.

    Studies draw it once per replication, the same in all scenarios that they compare; a run does not.
    """

    #: The ways to draw it.
    WAYS: ClassVar = ("range", "factor", "share", "choice")

    paths: tuple[Annotated[str, AfterValidator(_path)], ...] = Field(min_length=1)
    """Paths of the values, each of which is stated; `*` is any one step, and touches what states the rest of it."""
    range: tuple[End, End] | None = None
    """Ends between which each value is as likely as any other: numbers, durations, times of day, dates or sessions."""
    factor: tuple[Above, Above] | None = None
    """Ends of a factor by which all values are multiplied, so that their ratios stay; its logarithm is uniform."""
    share: tuple[Part, Part] | None = None
    """Ends of a share of a total; the other entries beside it keep their ratios and fill up to the same total."""
    choice: dict[Alternative, Annotated[Number, Field(ge=0)]] | None = Field(default=None, min_length=1)
    """Values with the weight of each."""
    source: str | None = None
    """Where the range comes from, or the word assumption."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        stated = [way for way in self.WAYS if getattr(self, way) is not None]
        if len(stated) != 1:
            raise wrong(f"state one of {', '.join(map(repr, self.WAYS))}")
        for way in ("range", "factor", "share"):
            if (ends := getattr(self, way)) is not None:
                self._check_ends(way, *ends)
        if self.choice is not None and sum(self.choice.values()) == 0:
            raise wrong("at least one value needs a weight above zero", field="choice")
        return self

    def _check_ends(self, way: str, low: Any, high: Any) -> None:  # noqa: ANN401 - of one kind
        try:
            below = is_below(low, high)
        except ValueError as error:
            raise wrong(str(error), field=way) from None
        if not below:
            raise wrong(f"nothing lies between {low} and {high}; the low end comes first", field=way)

    @property
    def way(self) -> str:
        """How it is drawn."""
        return next(way for way in self.WAYS if getattr(self, way) is not None)
