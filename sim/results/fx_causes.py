"""The value of an obligation changes from one instant to the next; whatever happens in between is the cause."""

from __future__ import annotations

from typing import Final

#: Causes of the FX result in order of time, each with the valuation at its end; the first begins at
#: `booked_value`, every other one where the one before ends.
LINKS: Final = {
    "contract": "due_value",
    "instruction": "instructed_value",
    "clearing": "mid_value",
    "spread": "realised_value",
}
#: Valuations of `fx_results` in order: each cause is the difference of two neighbours.
VALUATIONS: Final = ("booked_value", *LINKS.values())
#: What the rate does while an obligation is open.
RATE_CAUSES: Final = ("contract", "instruction", "clearing")
FX_CAUSES: Final = (*LINKS, "hedge")
