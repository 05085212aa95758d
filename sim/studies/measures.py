"""Only the measures that are asked for are computed: by default those that tell a run in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sim.results.execute import checked
from sim.results.shelves import MEASURES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.studies.until import Until

#: How much, how late and why, at what price, and with which risk.
HEADLINE: Final = (
    "payments",
    "value",
    "settled_share",
    "delay",
    "delay_by_place",
    "delay_by_reason",
    "net_open_position_mean",
    "overall_position",
    "fx_result",
    "liquidity_used_total",
    "payment_cost_bps",
)
ALL: Final = "all"


def chosen(names: Iterable[str] | None, until: Until | None = None) -> tuple[str, ...]:
    """The measures named, in the order in which they are declared, with what `until` looks at.

    The headline measures by default, every one for `all`; `NoMeasureError` for one that does not exist.
    """
    wanted = set(HEADLINE if names is None else names)
    if ALL in wanted:
        wanted = set(MEASURES)
    if until is not None:
        wanted.add(until.measure)
    checked(sorted(wanted))
    return tuple(name for name in MEASURES if name in wanted)
