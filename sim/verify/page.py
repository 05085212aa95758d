"""The page that sets every published figure beside the simulator's, fitted or predicted, those that differ with why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sim.verify.cases import cases
from sim.verify.verdicts import verify

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.verify.verdicts import Outcome

#: The scenario to which the behaviour of banks is fitted.
REFERENCE: Final = "reference/worldwide"

_ABOUT: Final = f"""\
# Validation

<!-- Written by `make docs` from the published cases; do not edit by hand. -->

Each published figure stands here beside what the simulator says, with who published it. **Fitted** means that
the figure was used to choose a number of the model, so that agreement proves nothing; **predicted** that it was
not. What differs is not left out: it stands at the end, with why. `sim verify` prints the same, and runs cases
of your own ([verify.md](verify.md)).

## What is fitted, and how

Public shares of payments that arrive within an hour or a day are end to end on the wall clock: nights, weekends
and reviews are in them. They say how banks work only where hours are as mixed as in the world. So messages,
posting without hands and posting by hand are fitted in a scenario of six time zones,
[{REFERENCE}](../scenarios/{REFERENCE}.yaml), and the corridor takes the same behaviour with its own hours.
Fitted by hand to the three shares below, over seeds 1 to 3:

| number | value | range that keeps the shares |
| --- | --- | --- |
| transit of a message | lognormal, median 5 min, p95 1 h 30 min, at most 1 d | p95 1 h to 1 h 45 min |
| payments credited without hands | 55 % | from just above 50 to 70 % |
| how long that takes | lognormal, median 3 min, p95 30 min, at most 4 h | median 1 to 5 min |
| posting by hand, in office hours | lognormal, median 2 h, p95 8 h, at most 40 h | median 1 to 3 h |

Not fitted, for nothing public tells it: the payer's bank's work (public clocks begin as it sends), how long
reviews take and how many there are (3 % in the reference, 10 % in the corridor; both are assumption), and
office hours.
"""


def validation_page(outcomes: Sequence[Outcome]) -> str:
    """The page, from what became of cases."""
    sections = (
        ("Fitted", "fitted", False),
        ("Predicted", "predicted", False),
        ("What differs", None, True),
    )
    lines = [_ABOUT]
    for title, evidence, differs in sections:
        lines += [
            f"## {title}",
            "",
            "| case | figure | published | ours | source |",
            "| --- | --- | --- | --- | --- |",
        ]
        lines += [
            row
            for outcome in outcomes
            if evidence in (None, outcome.evidence)
            for row in _rows(outcome, differs=differs)
        ]
        lines += [""]
    lines += [
        f"- **{outcome.name}, {one.what}** ({outcome.evidence}): {_plain(one.why)}"
        for outcome in outcomes
        for one in outcome.expectations
        if one.verdict != "agrees"
    ]
    return "\n".join(lines) + "\n"


def _rows(outcome: Outcome, *, differs: bool) -> Iterator[str]:
    for one in outcome.expectations:
        if (one.verdict != "agrees") == differs:
            cells = (outcome.name, one.what, one.published, one.ours, outcome.source)
            yield f"| {' | '.join(map(_plain, cells))} |"


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def write(folder: Path) -> None:
    """Run all cases that come along, and write the page into a folder."""
    with cases() as found:
        page = validation_page([verify(read) for read in found])
    (folder / "validation.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    write(Path(__file__).parents[2] / "docs")
