"""A date has its own draws, so that a longer run, an earlier start or another currency changes none of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sim.core.streams import stream

if TYPE_CHECKING:
    from sim.core.calendars import Days

Floats = NDArray[np.float64]

#: Draws are numbered from here, so that a date meets the same ones wherever a run starts.
_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Draws:
    """The draws of one replication by name of a stream and day; ValueError for days before 1970."""

    seed: int
    replication: int

    def normal(self, name: str, days: Days) -> Floats:
        """One standard normal draw of the stream `fx/<name>` for each of consecutive `days`."""
        place = day_numbers(days)
        generator = stream(self.seed, self.replication, f"fx/{name}")
        return np.asarray(generator.standard_normal(int(place[-1]) + 1)[place])

    def uniform(self, name: str, until: int) -> Floats:
        """Two uniform draws in [0, 1) for each of the steps 0 to `until`, [steps, 2]."""
        return stream(self.seed, self.replication, f"fx/{name}").random((until + 1, 2))


def day_numbers(days: Days) -> NDArray[np.int64]:
    """Days since 1970-01-01; ValueError for days before it, for which nothing is drawn."""
    numbers = (days - np.datetime64(_EPOCH, "D")).astype(np.int64)
    if len(numbers) and numbers[0] < 0:
        raise ValueError(f"rates can be drawn from {_EPOCH} on only")
    return np.asarray(numbers)
