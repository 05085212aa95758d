"""A scenario is another one and the changes that the other lacks; each set of them is a scenario of its own."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from sim.errors import Problem, StudyError
from sim.scenario.assumptions import UNCERTAIN
from sim.scenario.changes import Change
from sim.scenario.files import CHANGES, locate
from sim.scenario.merge import NOT_INHERITED, differences, lay_out
from sim.scenario.tree import KeyPath, dotted, plain
from sim.scenario.varied import check_assumptions
from sim.studies.players import MOST, Members, Orders, orders
from sim.studies.work import Case

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.scenario.load import Loaded
    from sim.scenario.merge import Given
    from sim.scenario.model import Scenario
    from sim.studies.subject import Subject

#: What no change explains.
OTHER: Final = "other"


class Apart(NamedTuple):
    """How a scenario is taken apart: its changes by name, with what each says, in which orders, as which scenarios."""

    names: tuple[str, ...]
    says: tuple[str, ...]
    among: Orders
    cases: dict[Members, Case]
    """Of all sets of changes that are played, the two scenarios themselves for none and all."""


def take_apart(base: Subject, design: Subject, pair: Sequence[Case], *, over: bool = False) -> Apart:
    """The changes of `design` that `base` lacks, and the scenarios between them; `over` what both assume, too.

    Keys that differ and that no change explains are one more player. `StudyError` if the two have different roots, if
    `base` has changes that `design` lacks, if nothing differs, or if a set of changes makes no valid scenario.
    """
    if base.loaded is None or design.loaded is None:
        raise StudyError(
            "to take a scenario apart, both are needed as files or by names of the library, not as objects"
        )
    one, other = base.loaded, design.loaded
    if plain(one.given.lineage.layers[-1].read.tree) != plain(other.given.lineage.layers[-1].read.tree):
        raise StudyError(
            f"{pair[0].name} and {pair[1].name} have different roots: what they extend in the end is not the same"
        )
    had = {change.file for change in one.changes}
    if lacking := [
        change.name for change in one.changes if change.file not in {c.file for c in other.changes}
    ]:
        raise StudyError(f"{pair[1].name} lacks changes that {pair[0].name} has: {', '.join(lacking)}")
    changes = [change for change in other.changes if change.file not in had]
    between = _Between(one, other, changes, over)
    names, says = _names(changes), [change.says for change in changes]
    needs = [_needs(change, changes) for change in changes]
    if paths := between.unexplained():
        names.append(OTHER)
        says.append(f"what no change explains: {', '.join(paths[:3])}{' …' if len(paths) > 3 else ''}")  # noqa: PLR2004 - an example
        needs.append(frozenset())
    if not names:
        raise StudyError(f"{pair[0].name} and {pair[1].name} differ in nothing that could be taken apart")
    among = orders(needs, exactly=len(changes) <= MOST)
    cases = {frozenset[int](): pair[0], frozenset(range(len(names))): pair[1]}
    for members in among.coalitions:
        if members not in cases:
            told = " + ".join([pair[0].name, *(names[player] for player in sorted(members))])
            with_other = OTHER in names and len(changes) in members
            cases[members] = between.case(members - {len(changes)}, told, with_other=with_other)
    if over:
        _check_drawn([case for case in cases.values() if case not in pair])
    return Apart(tuple(names), tuple(says), among, cases)


def _names(changes: Sequence[Change]) -> list[str]:
    """What each change is called; where that would not tell it apart, with the words by which it was named."""
    taken = [change.name for change in changes]
    return [
        name if taken.count(name) == 1 and name != OTHER else f"{name} ({change.named.name})"
        for name, change in zip(taken, changes, strict=True)
    ]


def _needs(change: Change, changes: Sequence[Change]) -> Members:
    """The numbers of those that a change requires."""
    files = {
        os.path.realpath(locate(one.name, one.folder, one.mark, one.path, CHANGES)) for one in change.require
    }
    return frozenset(number for number, other in enumerate(changes) if other.file in files)


def _check_drawn(cases: Sequence[Case]) -> None:
    """Refuse sets of changes of which some draws of what is assumed make no valid scenario."""
    for case in cases:
        place = partial(_place, case.name)
        check_assumptions(case.scenario, lambda _drawn: None, place)


def _place(name: str, path: KeyPath, message: str) -> Problem:
    return Problem(name, dotted(path), message)


class _Between(NamedTuple):
    """Two scenarios, and the changes that the second one has beyond the first."""

    base: Loaded[Scenario]
    design: Loaded[Scenario]
    changes: list[Change]
    over: bool

    def unexplained(self) -> list[str]:
        """The keys in which the second differs from the first without these changes."""
        without = self._without(frozenset(range(len(self.changes))))
        return differing(self.base.given, without, over=self.over)

    def case(self, members: Members, name: str, *, with_other: bool) -> Case:
        """The scenario with some of the changes; without what no change explains, the first one with these changes."""
        if with_other or not self.unexplained():
            given, attempt = self._without(frozenset(range(len(self.changes))) - members), self.design.attempt
        else:
            files = [self.changes[number].file for number in sorted(members)]
            given = self.base.given._replace(changes=(*self.base.given.changes, *files))
            attempt = self.base.attempt
        loaded, outcome = attempt(given)
        if loaded is None:
            problem = f": {outcome.findings[0].problem}" if outcome.findings else ""
            raise StudyError(f"this cannot be taken apart, for {name!r} is no valid scenario{problem}")
        wanted = {self.changes[number].file for number in members} | {
            change.file for change in self.base.changes
        }
        if {change.file for change in loaded.changes} != wanted:
            raise StudyError(
                f"this cannot be taken apart, for a change is named more than once: see {name!r}"
            )
        return Case.of(loaded.scenario, name)

    def _without(self, members: Members) -> Given:
        """What the second is made of, without some of the changes."""
        gone = [self.changes[number].named for number in members]
        places = {(named.mark.file, named.path) for named in gone if named.path}
        beside = {named.name for named in gone if not named.path}
        given = self.design.given
        return given._replace(
            left_out=given.left_out | places,
            changes=tuple(name for name in given.changes if name not in beside),
        )


def differing(one: Given, other: Given, *, over: bool) -> list[str]:
    """The keys in which two scenarios differ, whatever they say about themselves.

    What they assume makes no difference but for a study `over` that.
    """
    aside = NOT_INHERITED if over else NOT_INHERITED | {UNCERTAIN}
    paths = differences(lay_out(one).tree, lay_out(other).tree)
    return [dotted(path) for path in paths if path[0] not in aside]
