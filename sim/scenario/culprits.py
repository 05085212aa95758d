"""A problem in a file that a scenario builds on comes of what the scenario says itself: without that, it is gone.

What a file says, and the options beside it, are therefore left out one after the other, and the scenario is looked at
again. A key is at fault for a problem that goes when the key does, and brings no others; of such a key its parts are
tried likewise, so that the smallest one is told.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from sim.errors import Problem
from sim.scenario.changes import on_command_line
from sim.scenario.merge import NOT_INHERITED, Given, Layer, Resolved, mark_of
from sim.scenario.tree import KeyPath, Located, Mark, Node, Place, dotted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

#: What nothing in another file can come of.
_OF_ITSELF: Final = NOT_INHERITED | {"differs_in"}
_CHANGES: Final = "changes"
_EXTENDS: Final = "extends"

#: By what a problem is known again.
Sign: TypeAlias = tuple[Mark, str, str]


class Outcome(NamedTuple):
    """What was found wrong with a scenario, as far as it could be laid out."""

    findings: tuple[Located, ...]
    resolved: Resolved


#: Looks at a scenario that is made of what is given.
Attempt: TypeAlias = Callable[[Given], Outcome]


class _Part(NamedTuple):
    """Something that is said and can be left out: a key of a file, a change, an override."""

    mark: Mark
    path: KeyPath
    node: Node | None
    """What stands under a key."""
    without: Callable[[Given], Given]


class _Blame(NamedTuple):
    """What a problem comes of."""

    part: _Part | None
    """None where nothing that is said in this file is needed for it, or where that is not known."""
    inner: _Part | None = None
    """The part of another file that this one names which is at fault."""
    beside: tuple[_Part, ...] = ()
    """What is needed for it as well."""
    known: bool = True


class _Need(NamedTuple):
    """Without each of the parts a finding is not there, but as many others are."""

    others: int
    parts: list[_Part]


def with_causes(findings: Sequence[Located], given: Given, attempt: Attempt, tries: int) -> list[Problem]:
    """The problems, those last that come of what is said elsewhere, each with its cause.

    A problem at a key of the scenario's own file needs no cause, unless it comes of an option beside it. At most as
    many `tries` are made; what is not found by then is told to come of the file as a whole.
    """
    search = _Search(given, attempt, tries)
    blames = search.blames(findings)
    problems = [found.problem for found in findings if found not in blames]
    groups: dict[_Told, list[Located]] = {}
    for found in dict.fromkeys(found for found in findings if found in blames):
        groups.setdefault(search.told(blames[found]), []).append(found)
    for told, group in sorted(groups.items(), key=lambda each: each[0].mark):
        cause = told.of([found.mark for found in group])
        problems += [_caused(found.problem, cause) for found in group]
    return list(dict.fromkeys(problems))


class _Told(NamedTuple):
    """A cause in words, which what it leads to completes."""

    mark: Mark
    path: str
    words: str

    def of(self, marks: Collection[Mark]) -> Problem:
        """What leads to problems at these places."""
        number = f"the {len(marks)} errors" if len(marks) > 1 else "the error"
        files = " and ".join(dict.fromkeys(PurePath(mark.file).name for mark in marks))
        return Problem(str(self.mark), self.path, f"{self.words} {number} below, in {files}")


class _ExhaustedError(Exception):
    """The scenario was looked at often enough."""


class _Search:
    """Looks at a scenario without parts of it."""

    def __init__(self, given: Given, attempt: Attempt, tries: int) -> None:
        self._given = given
        self._attempt = attempt
        self.tries = tries
        self._seen: dict[object, dict[Sign, Located] | None] = {}
        self._resolved: Resolved | None = None

    @property
    def _file(self) -> str:
        return self._given.lineage.layers[0].file

    def blames(self, findings: Iterable[Located]) -> dict[Located, _Blame]:
        """What the findings come of, but for those that stand where they arise."""
        options = [*self._options()]
        parents = self._given.lineage._replace(layers=self._given.lineage.layers[1:])
        said = ("--set ", "--with ")
        own = [found for found in findings if found.mark.file == self._file]
        others = [
            found
            for found in findings
            if found.mark.file != self._file and not found.mark.file.startswith(said)
        ]
        blames: dict[Located, _Blame] = {}
        try:
            if (own and options) or others:
                self._look(self._given)
            if own and options:
                alone = self._given._replace(changes=(), overrides=())
                blames |= self._among(own, options, alone)
            if others and parents.layers:
                inherited = Given(parents, left_out=self._given.left_out)
                blames |= self._among(others, [*self._keys(), *options], inherited)
                left = [found for found in others if found not in blames]
                blames |= self._in_parents(left, inherited)
            elif others:
                blames |= self._among(others, options, self._given._replace(changes=(), overrides=()))
        except _ExhaustedError:
            blames |= {found: _Blame(None, known=False) for found in others if found not in blames}
        return blames

    def told(self, blame: _Blame) -> _Told:
        """The cause in words."""
        layer = self._given.lineage.layers[0]
        part, inner = blame.part, blame.inner
        if not blame.known:
            words = "something in this file or beside it (too much is said here to tell what) leads to"
            return _Told(layer.read.tree.mark, "", words)
        if part is None and layer.extends is not None:
            words = f"{_named(inner)} in what this extends leads to" if inner else "what this extends has"
            return _Told(layer.extends.mark, _EXTENDS, words)
        if part is None:
            return _Told(layer.read.tree.mark, "", "this has")
        words = f"its {_named(inner)}" if inner else "this"
        if blame.beside:
            words += f", together with {' and '.join(_named(one) for one in blame.beside[:2])},"
        words += " leads to"
        return _Told(part.mark, dotted(part.path), words)

    def _in_parents(self, findings: list[Located], inherited: Given) -> dict[Located, _Blame]:
        """What findings come of that are there without anything of this file."""
        if not findings:
            return {}
        deeper = _Search(inherited, self._attempt, self.tries)
        found = deeper.blames(findings)
        self.tries = deeper.tries
        return {
            one: _Blame(None, blame.inner or blame.part)
            for one in findings
            for blame in [found.get(one, _Blame(None))]
        }

    def _options(self) -> Iterator[_Part]:
        for named in on_command_line(self._given.changes):

            def without_change(given: Given, name: str = named.name) -> Given:
                return given._replace(changes=tuple(one for one in given.changes if one != name))

            yield _Part(named.mark, (), None, without_change)
        for override in self._given.overrides:

            def without_override(given: Given, text: str = override) -> Given:
                return given._replace(overrides=tuple(one for one in given.overrides if one != text))

            yield _Part(mark_of(override), (), None, without_override)

    def _keys(self) -> Iterator[_Part]:
        layer: Layer = self._given.lineage.layers[0]
        for part in _parts(layer.file, layer.read.tree, ()):
            if part.path[0] == _CHANGES and part.node is not None:
                yield from _parts(layer.file, part.node, part.path)
            elif part.path[0] not in _OF_ITSELF:
                yield part

    def _among(
        self, findings: Sequence[Located], parts: Sequence[_Part], innocent: Given
    ) -> dict[Located, _Blame]:
        """Which of the parts the findings come of that are not there in what is innocent of them all."""
        there = self._look(innocent) or {}
        caused = [found for found in findings if _sign(found) not in there]
        if not caused or not parts:
            return {}
        blames: dict[Located, _Blame] = {}
        fewest: dict[Located, int] = {}
        for found, need in self._needed(caused, parts).items():
            main = min(need.parts, key=lambda part: part.path[:1] == (_CHANGES,))
            blames[found] = _Blame(main, None, tuple(part for part in need.parts if part is not main))
            fewest[found] = need.others
        for found in [found for found in caused if found not in blames]:
            first, *more = self._enough(found, parts)
            blames[found] = _Blame(first, None, tuple(more))
        for number, part in {id(part): part for part, *_ in blames.values() if part is not None}.items():
            group = {
                found: fewest.get(found, 0) for found, blame in blames.items() if id(blame.part) == number
            }
            for found, inner in self._narrowed(group, part).items():
                if inner.mark.file == part.mark.file:
                    blames[found] = blames[found]._replace(part=inner)
                elif inner.mark.file != found.mark.file:
                    blames[found] = blames[found]._replace(inner=inner)
        return blames

    def _needed(self, findings: Collection[Located], parts: Sequence[_Part]) -> dict[Located, _Need]:
        """The parts without which a finding is not there, those that bring the fewest others when they are left out."""
        before = (self._look(self._given) or {}).keys()
        found_by: dict[Located, list[tuple[int, int]]] = {}
        for number, part in enumerate(parts):
            after = self._look(part.without(self._given))
            if after is None:
                continue
            new = len(after.keys() - before)
            for found in findings:
                if _sign(found) not in after:
                    found_by.setdefault(found, []).append((new, number))
        needed = {}
        for found, those in found_by.items():
            fewest = min(those)[0]
            chosen = [parts[number] for new, number in those if new == fewest]
            needed[found] = _Need(fewest, chosen if fewest == 0 else chosen[-1:])
        return needed

    def _enough(self, found: Located, parts: Sequence[_Part]) -> list[_Part]:
        """Parts that a finding comes of which is there as long as one of them is."""
        kept = list(parts)
        for part in parts:
            fewer = [one for one in kept if one is not part]
            given = self._given
            for one in fewer:
                given = one.without(given)
            after = self._look(given)
            if fewer and after is not None and _sign(found) not in after:
                kept = fewer
        return kept

    def _narrowed(self, findings: Mapping[Located, int], part: _Part) -> dict[Located, _Part]:
        """The smallest parts of one that the findings come of, if they bring no more others than it does."""
        parts = [*self._inside(part)]
        if len(parts) == 1 and part.node is not None:
            if isinstance(part.node.value, list):  # Rather the list lacks something.
                return {}
            return dict.fromkeys(findings, parts[0]) | self._narrowed(findings, parts[0])
        if len(parts) > self.tries:
            return {}
        groups: dict[int, dict[Located, int]] = {}
        for found, need in self._needed(findings, parts).items():
            if need.others <= findings[found]:
                groups.setdefault(parts.index(need.parts[0]), {})[found] = need.others
        narrowed: dict[Located, _Part] = {}
        for number, group in groups.items():
            narrowed |= dict.fromkeys(group, parts[number]) | self._narrowed(group, parts[number])
        return narrowed

    def _inside(self, part: _Part) -> Iterator[_Part]:
        """The keys of a mapping, the entries of a list, or those of the change that is named."""
        for change in self._resolved.changes if self._resolved else ():
            if change.named.mark == part.mark:
                yield from _parts(change.keys.mark.file, change.keys, ())
                return
        if part.node is not None:
            yield from _parts(part.mark.file, part.node, part.path)

    def _look(self, given: Given) -> dict[Sign, Located] | None:
        """What is wrong with a scenario, by its sign; None if what is left out leaves too little to say so.

        The first one looked at is the scenario itself.
        """
        key = (len(given.lineage.layers), given.changes, given.overrides, given.left_out)
        if key not in self._seen:
            if not self.tries:
                raise _ExhaustedError
            self.tries -= 1
            outcome = self._attempt(given)
            if self._resolved is None:
                self._resolved = outcome.resolved
            beyond = self._resolved.whole and not outcome.resolved.whole
            self._seen[key] = None if beyond else {_sign(one): one for one in outcome.findings}
        return self._seen[key]


def _parts(file: str, node: Node, path: KeyPath) -> Iterator[_Part]:
    """What stands below a node of a file."""
    for step, child in node.children():
        here = (*path, step)

        def without(given: Given, place: Place = (file, here)) -> Given:
            return given._replace(left_out=given.left_out | {place})

        yield _Part(child.key or child.mark, here, child, without)


def _sign(found: Located) -> Sign:
    return found.mark, found.problem.path, found.problem.message


def _named(part: _Part) -> str:
    """A part of another file in words."""
    return f"{dotted(part.path)} ({part.mark})" if part.path else str(part.mark)


def _caused(problem: Problem, cause: Problem) -> Problem:
    return Problem(problem.where, problem.path, problem.message, problem.suggestion, cause)
