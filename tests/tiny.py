"""The smallest run there is: a handful of payments of one's own, so that saving is all that takes time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sim

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SCENARIO = """
name: tiny
period: {start: 2024-03-04 09:00, end: 2024-03-04 17:00, zone: Europe/Minsk}
systems:
  s: {kind: rtgs, currency: BYN, hours: {zone: Europe/Minsk, sessions: ["09:00-17:00"], calendar: always}}
accounts:
  - {holder: A, system: s, balance: 100, credit: 20}
  - {holder: B, system: s, balance: 50}
payments: {file: payments.csv, system: s}
"""
PAYMENTS = """payment_id,instructed_at,payer_bank,payee_bank,amount
p1,2024-03-04T09:30,A,B,60
p2,2024-03-04T10:00,B,A,30
p3,2024-03-04T11:00,A,B,100
"""


def write_scenario(folder: Path, more: str = "", payments: str = PAYMENTS) -> Path:
    """The tiny scenario and its payments, written into a folder."""
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "payments.csv").write_text(payments, "utf-8")
    (folder / "tiny.yaml").write_text(SCENARIO + more, "utf-8")
    return folder / "tiny.yaml"


def tiny_run(folder: Path, more: str = "") -> sim.Results:
    """The tiny run, in memory."""
    return sim.run(write_scenario(folder, more))


def with_tables(results: sim.Results, *names: str) -> sim.Results:
    """The same run, of which these tables alone are saved, which is quicker."""

    class Few(sim.Results):
        def _write(self, folder: Path, tables: Iterable[str], *more: Any) -> dict[str, Any]:  # noqa: ANN401
            del tables
            return super()._write(folder, names, *more)

    few = Few.__new__(Few)
    few.__dict__.update(results.__dict__)
    return few
