"""The value of an obligation changes from one instant to the next; whatever happens in between is the cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sim.core.kinds import complete

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd


class Cause(NamedTuple):
    """What tells a cause of the FX result from the others.

    `of_rate` is what the rate does while an obligation is open; `seldom` is told only where there is something to tell.
    """

    of_rate: bool = False
    seldom: bool = False


#: The causes, in order of time; the hedge is beside the others, which are stretches between valuations.
_CAUSES: Final = {
    "contract": Cause(of_rate=True),
    "instruction": Cause(of_rate=True, seldom=True),
    "returned": Cause(of_rate=True, seldom=True),
    "clearing": Cause(of_rate=True),
    "spread": Cause(),
    "hedge": Cause(),
}
FX_CAUSES: Final = tuple(_CAUSES)
RATE_CAUSES: Final = tuple(name for name, cause in _CAUSES.items() if cause.of_rate)
SELDOM: Final = tuple(name for name, cause in _CAUSES.items() if cause.seldom)


class CauseSpan(NamedTuple):
    """A stretch between two valuations of `fx_results`, and the cause that it counts for."""

    cause: str
    begins: str
    ends: str


#: From the invoice to what is left in the end, in order of time. What a return does to a rate, and what it leaves of
#: an exchange that turns out to have been for nothing, are two stretches of one cause.
CAUSE_SPANS: Final = (
    CauseSpan("contract", "booked_value", "due_value"),
    CauseSpan("instruction", "due_value", "instructed_value"),
    CauseSpan("returned", "instructed_value", "instructed_again_value"),
    CauseSpan("clearing", "instructed_again_value", "mid_value"),
    CauseSpan("spread", "mid_value", "realised_value"),
    CauseSpan("returned", "realised_value", "final_value"),
)
complete(
    FX_CAUSES,
    [*(span.cause for span in CAUSE_SPANS), "hedge"],
    of="cause of the FX result",
    what="a stretch of values",
)


def changes(values: Mapping[str, Any] | pd.DataFrame) -> dict[str, Any]:
    """What each cause but the hedge adds to a value: the sum of its stretches, exactly."""
    found: dict[str, Any] = {}
    for cause, begins, ends in CAUSE_SPANS:
        change = values[ends] - values[begins]
        found[cause] = found[cause] + change if cause in found else change
    return found
