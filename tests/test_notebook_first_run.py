"""The notebook of a first run shows what is stored, when it runs."""

from __future__ import annotations

from stored import check


def test_the_first_run_shows_what_is_stored() -> None:
    check("first_run")
