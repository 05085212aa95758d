"""Where a payment is, and why it is still there: each second of its delay has one place and one reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sim.core.rest import HOLIDAY, KINDS, WEEKEND, WORKED

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Where a payment can be, in the order in which it passes them, and the words by which each is told.
PLACES: Final = {
    "cut_off": "cut-off",
    "payer_bank": "payer's bank",
    "market": "market",
    "message": "message",
    "system": "system",
    "review": "review",
    "payee_bank": "payee's bank",
    "back": "came back",
}

#: Why it can be there, in the order of the columns, and the words by which each is told; its colour is the palette's.
REASONS: Final = {
    "work": "work",
    "staff": "staff",
    "closed_hours": "closed: hours",
    "closed_weekend": "closed: weekend",
    "closed_holiday": "closed: holiday",
    "currency": "currency",
    "liquidity": "liquidity",
    "netting": "netting cycle",
    "outage": "outage",
    "returned": "returned",
}

#: The reason of a second in which something is shut, by the kind of the local day on which it is.
CLOSED: Final = {WORKED: "closed_hours", WEEKEND: "closed_weekend", HOLIDAY: "closed_holiday"}
if len(CLOSED) != KINDS or not {*CLOSED.values()} <= {*REASONS}:
    raise TypeError("each kind of day on which something is shut has a reason of its own")


def check_places(stated: Mapping[str, tuple[str, ...]]) -> None:
    """TypeError that names each kind of step which states no place, or a wrong one; `stated` is by kind."""
    lacking = [f"kind of step {kind!r} states no place" for kind, places in stated.items() if not places]
    lacking += [
        f"kind of step {kind!r} states the place {place!r}, which is none of a step"
        for kind, places in stated.items()
        for place in places
        if place not in PLACES or place == "back"
    ]
    if lacking:
        raise TypeError("; ".join(lacking))


#: What a system is in whose queues nothing moves.
STANDSTILLS: Final = ("gridlock", "deadlock", "shortage")
