"""An assumption draws single values, as a resolved scenario states them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from sim.scenario.paths import path_of
from sim.scenario.tree import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.model import Scenario


def check_uncertain(scenario: Scenario) -> Iterator[Finding]:
    """Refuse paths of what was written in a short form, and is more than one value, and fractions of whole numbers."""
    for name, assumption in scenario.uncertain.items():
        for number, text in enumerate(assumption.paths):
            section, *steps = path_of(text) or ()
            found: Any = getattr(scenario, str(section))
            for step in steps:
                if isinstance(found, BaseModel):
                    fields = type(found).model_fields
                    named = next((name for name, field in fields.items() if field.alias == step), str(step))
                    found = getattr(found, named)
                else:
                    found = found[int(step) if isinstance(found, tuple) else step]
            ends = assumption.range or ()
            fraction = any(isinstance(end, Decimal) and end % 1 for end in ends)
            if fraction and isinstance(found, int) and not isinstance(found, bool):
                message = f"{text} is a whole number, so both ends of its range are whole"
                yield Finding(("uncertain", name, "range"), message)
            if isinstance(found, BaseModel):
                message = f"{text} is short for a mapping; write that out, and name the value in it"
                yield Finding(("uncertain", name, "paths", number), message)
