"""Checking takes steps in proportion to what a scenario lists, whatever it lists many of."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest

from sim.scenario.load import load

START: Final = """
name: large
period: {start: 2024-03-04, end: 2024-03-06}
payments: {file: own.csv, system: s}
"""
OFFICE: Final = "hours:\n  h: {zone: Europe/Minsk, sessions: ['09:00-17:00']}\n"
GROSS: Final = "systems:\n  s: {kind: rtgs, currency: BYN, hours: always}\n"


def lines(form: str, count: int) -> str:
    """One line per number, written with `{0}` for it and `{1}` for the next one."""
    return "".join(form.format(number, (number + 1) % count) + "\n" for number in range(count))


def accounts(count: int, more: str = "") -> str:
    """So many accounts in one system."""
    return "accounts:\n" + lines("  - {{holder: b{0}, system: s, balance: 1000" + more + "}}", count)


MANY: Final[dict[str, Callable[[int], str]]] = {
    "accounts": lambda n: GROSS + accounts(n),
    "limits": lambda n: GROSS + accounts(n, ", limits: {{bilateral: {{b{1}: 5}}}}"),
    "banks": lambda n: OFFICE + "banks:\n" + lines("  b{0}: {{hours: h}}", n) + GROSS + accounts(n),
    "hours": lambda n: (
        "hours:\n"
        + lines("  h{0}: {{zone: Europe/Minsk, sessions: ['09:00-17:00']}}", n)
        + "banks:\n"
        + lines("  b{0}: {{hours: h{0}}}", n)
        + GROSS
        + accounts(2)
    ),
    "systems": lambda n: (
        "systems:\n  s: {kind: rtgs, currency: BYN, hours: always}\n"
        + lines("  s{0}: {{kind: rtgs, currency: BYN, hours: always}}", n)
        + "accounts:\n"
        + lines("  - {{holder: a, system: s{0}}}", n)
    ),
    "correspondents": lambda n: (
        GROSS.replace("rtgs", "correspondent") + accounts(n).replace("balance: 1000", "servicer: keeper")
    ),
    "facilities": lambda n: (
        GROSS
        + accounts(n)
        + "facilities:\n"
        + lines("  f{0}: {{kind: repo, system: s, rate: 0.1, collateral: {{b{0}: 5}}}}", n)
    ),
    "collateral": lambda n: (
        GROSS
        + accounts(n)
        + "facilities:\n  f:\n    {kind: repo, system: s, rate: 0.1, collateral:\n      {"
        + lines("      b{0}: 5,", n)
        + "}}\n"
    ),
    "treasuries": lambda n: (
        "treasuries:\n"
        + lines("  t{0}: {{at: '10:00', zone: Europe/Minsk, calendar: always}}", n)
        + GROSS
        + accounts(n, ", treasury: t{0}")
    ),
    "routes": lambda n: (
        GROSS
        + accounts(n)
        + "routes:\n"
        + lines("  r{0}: {{carries: {{payer_banks: [b{0}, b{1}]}}, steps: *steps}}", n).replace(
            "*steps", "&steps [{kind: settle, system: s}, {kind: post, work: {kind: fixed, value: 1h}}]", 1
        )
    ),
    "timeline": lambda n: (
        GROSS
        + accounts(n)
        + "timeline:\n"
        + lines("  - {{kind: liquidity, at: 2024-03-05, holder: b{0}, system: s, amount: 5}}", n)
    ),
    "calendars": lambda n: (
        "calendars:\n" + lines("  c{0}: {{joint: [weekdays, always]}}", n) + GROSS + accounts(2)
    ),
}


#: Reading the text goes through it once, with so many steps that others would not show beside them.
READING: Final = ("scanning.py", "document.py")


def steps(path: Path, text: str) -> int:
    """How many lines of this package are gone through to check a scenario, those of comprehensions each time."""
    path.write_text(START + text, "utf-8")
    count = 0

    def line(_frame: FrameType, event: str, _: Any) -> Any:  # noqa: ANN401 - as Python asks
        nonlocal count
        count += event == "line"
        return line

    def call(frame: FrameType, _event: str, _: Any) -> Any:  # noqa: ANN401
        file = frame.f_code.co_filename
        return line if "/sim/scenario/" in file and not file.endswith(READING) else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        load(path)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("listed", MANY)
def test_twice_as_many_take_twice_the_steps(listed: str, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("payment_id,instructed_at,payer_bank,payee_bank,amount\n", "utf-8")
    few, many, most = (steps(tmp_path / "large.yaml", MANY[listed](count)) for count in (10, 60, 110))
    assert most - many < 1.1 * (many - few)
