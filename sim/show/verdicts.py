"""What was published and what came out stand side by side, case by case, with who published it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from sim.verify.verdicts import Outcome

#: How one verdict, and several, are told, in the order in which they are counted.
_WORDS: Final = {
    "agrees": ("agrees", "agree"),
    "differs": ("differs, as its case says", "differ, as their cases say"),
    "disagrees": ("disagrees", "disagree"),
    "failed": ("failed", "failed"),
}
_STYLES: Final = {"agrees": None, "differs": "yellow", "disagrees": "bold red", "failed": "bold red"}


def print_verdicts(outcomes: Sequence[Outcome], console: Console) -> None:
    """Print a table of all cases, below it why something differs, and the count of verdicts."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for title, share in (("case", 5), ("source", 5), ("published", 3), ("ours", 3)):
        table.add_column(title, ratio=share, overflow="fold")
    for title in ("evidence", "verdict"):
        table.add_column(title, no_wrap=True)
    table.expand = True
    for outcome in outcomes:
        table.add_row(outcome.name, outcome.source, "", "", outcome.evidence, "", style="bold")
        for one in outcome.expectations:
            table.add_row(
                f"· {one.what}", "", one.published, one.ours, "", one.verdict, style=_STYLES[one.verdict]
            )
    console.print(table)
    notes = [
        f"{outcome.name}, {one.what}: {one.verdict}: {one.why}"
        for outcome in outcomes
        for one in outcome.expectations
        if one.why
    ]
    for note in notes:
        console.print()
        console.print(note)
    console.print()
    console.print(_counted(outcomes))


def _counted(outcomes: Sequence[Outcome]) -> str:
    counts: Counter[str] = Counter(one.verdict for outcome in outcomes for one in outcome.expectations)
    told = [
        f"{counts[verdict]} {words[counts[verdict] > 1]}"
        for verdict, words in _WORDS.items()
        if counts[verdict]
    ]
    number = "expectation" if counts.total() == 1 else "expectations"
    of = "case" if len(outcomes) == 1 else "cases"
    return f"{counts.total()} {number} of {len(outcomes)} {of}: {', '.join(told)}"


def verdicts_as_json(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """The same as data; ours is a number where it is one."""
    return [
        {
            "case": outcome.name,
            "file": outcome.file,
            "says": outcome.says,
            "source": outcome.source,
            "evidence": outcome.evidence,
            "expectations": [
                {
                    "what": one.what,
                    "published": one.published,
                    "ours": one.value,
                    "verdict": one.verdict,
                    "why": one.why or None,
                }
                for one in outcome.expectations
            ],
        }
        for outcome in outcomes
    ]
