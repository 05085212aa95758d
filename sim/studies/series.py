"""What moves from day to day is told as series of a run, so that many runs show how far apart it may lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from sim.core.currency import minor_digits
from sim.results.columns import seconds

if TYPE_CHECKING:
    from sim.results.run import Run

#: A series: its name, what it is of, its unit, its instants in seconds, and its values.
Series = tuple[str, str, str, list[int], list[float]]

NET_OPEN_POSITION: Final = "net_open_position"
IN_FLIGHT: Final = "payments_in_flight"
CASH_FLOW: Final = "cash_flow"
CASH_FLOW_TOTAL: Final = "cash_flow_total"


def net_open_position(run: Run) -> list[Series]:
    """The position of each side's firms by currency, day by day, in the reporting currency."""
    table = run["exposure"]
    return [
        (
            NET_OPEN_POSITION,
            f"{side}.{currency}",
            run.currency,
            seconds(rows["at"]).tolist(),
            (rows["net_open_position_reporting"] / run.scale).tolist(),
        )
        for (side, currency), rows in table.groupby(["side", "currency"], observed=True)
    ]


def payments_in_flight(run: Run) -> list[Series]:
    """How many payments are under way each midnight."""
    table = run["in_flight"]
    return [(IN_FLIGHT, "", "payments", seconds(table["at"]).tolist(), table["payments"].tolist())]


def cash_flow(run: Run) -> list[Series]:
    """What each side's firms receive less what they pay in their own currency, month by month and in all."""
    table = run["cash_flows"]
    found = []
    for (side, currency), rows in table.groupby(["side", "currency"], observed=True):
        flows = rows["cash_flow"] / 10 ** minor_digits(str(currency))
        at, of, unit = seconds(rows["at"]).tolist(), str(side), str(currency)
        found.append((CASH_FLOW, of, unit, at, flows.tolist()))
        found.append(
            (CASH_FLOW_TOTAL, of, unit, at[:1], [float(rows["cash_flow"].sum() / 10 ** minor_digits(unit))])
        )
    return found


SERIES: Final[tuple[Callable[[Any], list[Series]], ...]] = (net_open_position, payments_in_flight, cash_flow)
