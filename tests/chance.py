"""How often chance is tried: a little in `make quick`, more in `make test`, for long in `make long`.

Hypothesis has a profile for each (`--hypothesis-profile`). What it draws is the same every time.
"""

from __future__ import annotations

from typing import Final

from hypothesis import HealthCheck, settings

#: Examples of a property that asks for the usual number.
USUAL: Final = {"quick": 20, "test": 100, "long": 200}


def register() -> None:
    """Make the profiles known, and `test` the one that holds where none is named."""
    for name, examples in USUAL.items():
        settings.register_profile(
            name,
            max_examples=examples,
            derandomize=True,
            deadline=None,
            print_blob=True,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )
    settings.load_profile("test")


def examples(number: int) -> int:
    """How many examples the current profile draws of a property that draws so many in `make test`."""
    return max(1, number * settings().max_examples // USUAL["test"])
