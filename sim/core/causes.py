"""Why a payment is still under way: the reasons into which every second of delay is split."""

from __future__ import annotations

from typing import Final

#: The causes, in the order of their columns, and the words by which each is told; its colour is the palette's.
WORDS: Final = {
    "processing": "processing",
    "closed": "closed hours",
    "screening": "screening",
    "fx": "currency exchange",
    "liquidity": "liquidity",
    "netting": "netting cycle",
    "outage": "outage",
    "returned": "returned",
}
CAUSES: Final = tuple(WORDS)

#: What a system is in whose queues nothing moves.
STANDSTILLS: Final = ("gridlock", "deadlock", "shortage")
