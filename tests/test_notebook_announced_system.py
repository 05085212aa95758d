"""The notebook of the announced system shows what is stored, when it runs."""

from __future__ import annotations

from stored import check


def test_the_announced_system_shows_what_is_stored() -> None:
    check("announced_system")
