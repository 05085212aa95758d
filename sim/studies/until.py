"""A study may stop as soon as it knows enough: when an interval is as narrow as was asked for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from sim.errors import StudyError
from sim.results.execute import checked

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Replications after which one looks for the first time; then after twice as many, and so on.
FIRST_LOOK: Final = 30


class Until(NamedTuple):
    """A number of a measure, and how wide half its 95 % interval may be: a share of its mean, or an amount."""

    measure: str
    of: str
    width: float
    relative: bool

    @classmethod
    def read(cls, text: str) -> Until:
        """What `MEASURE:WIDTH` says, such as `delay.p95:2%` or `fx_result.belarus.total:1_000_000`."""
        name, _, width = text.rpartition(":")
        measure, _, of = name.strip().partition(".")
        relative = width.strip().endswith("%")
        try:
            number = float(width.strip().removesuffix("%"))
        except ValueError:
            number = math.nan
        if not measure or not number > 0 or math.isinf(number):
            raise StudyError(
                f"until {text!r}: written MEASURE:WIDTH, such as delay.p95:2% or fx_result.belarus.total:1_000_000"
            )
        checked([measure])
        return cls(measure, of, number / 100 if relative else number, relative)

    def __str__(self) -> str:
        width = f"{self.width * 100:g} %" if self.relative else f"{self.width:,.10g}"
        return f"{self.name} to ± {width}"

    @property
    def name(self) -> str:
        """The number as it was asked for."""
        return f"{self.measure}.{self.of}" if self.of else self.measure

    def reached(self, half_width: float, mean: float) -> bool:
        """Whether an interval around a mean is narrow enough."""
        return half_width <= (self.width * abs(mean) if self.relative else self.width)


def looks(count: int, until: Until | None) -> Iterator[int]:
    """After how many replications one looks, `count` being the most."""
    at = FIRST_LOOK
    while until is not None and at < count:
        yield at
        at *= 2
    yield count
