"""Everything that this package raises on purpose.

SettlementError
├── ScenarioError       the input is wrong: a list of located problems (exit code 2)
├── RunError            the run could not be carried out (exit code 1)
│   └── PromiseError    an identity that must hold on every run does not (exit code 1)
├── OutputError         the answer cannot be written to standard output (exit code 1)
├── ResultsError        a folder is not a readable run, or may not become one (exit code 2)
│   ├── NoTableError    a run has no table of that name (exit code 2)
│   ├── NoMeasureError  a run has no measure of that name (exit code 2)
│   ├── NoPaymentError  a run has no payment of that name (exit code 2)
│   └── StudyError      a study cannot be made as it is asked for, or its folder is another one's (exit code 2)
└── CalibrationError    the shipped history cannot tell what is asked (exit code 2)

ResultsWarning          a file of a run was changed since it was written
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from sim.readable import readable


class SettlementError(Exception):
    """Root of the tree; every message says what is wrong, where, and what to do, on one line."""

    exit_code = 1

    def __str__(self) -> str:
        """The message; what it quotes of a file or a name commands no terminal."""
        return readable(super().__str__())


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a scenario.

    `where` is `file:line:column` (or the `--set` argument that said it), `path` the dotted YAML path
    (may be empty), `message` the sentence, `suggestion` a name that was perhaps meant. Where the problem stands in a
    file that another one builds on, `cause` tells what in that other one it comes of.
    """

    where: str
    path: str
    message: str
    suggestion: str | None = None
    cause: Problem | None = None

    def __str__(self) -> str:
        """One line, as an editor or a terminal can follow it."""
        hint = f"; did you mean {self.suggestion!r}?" if self.suggestion else ""
        return readable(": ".join(part for part in (self.where, self.path, self.message) if part) + hint)


class ScenarioError(SettlementError):
    """The scenario cannot be used; carries every problem found, not the first alone."""

    exit_code = 2

    def __init__(self, problems: tuple[Problem, ...] | list[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        """One line per problem, and before those that share a cause one for the cause."""
        lines: list[str] = []
        cause: Problem | None = None
        for problem in self.problems:
            if problem.cause is not None and problem.cause != cause:
                lines.append(str(problem.cause))
            cause = problem.cause
            lines.append(str(problem))
        return "\n".join(lines)


class RunError(SettlementError):
    """The run could not be carried out or saved."""


class PromiseError(RunError):
    """A promise broke: a cause is missing, money appeared, or an account passed its limit."""


class OutputError(SettlementError):
    """The answer could not be written to standard output, though what it tells of may have been done."""


class ResultsError(SettlementError):
    """The folder does not hold a run that can be opened, or holds something that a run may not replace."""

    exit_code = 2


class NoTableError(ResultsError, KeyError, AttributeError):
    """A run has no table of that name, whichever way it was asked for."""

    def __init__(self, name: str, names: tuple[str, ...]) -> None:
        super().__init__(name, names)
        self.name, self.names = name, names

    def __str__(self) -> str:
        """The name asked for, and those that there are."""
        return f"no table {self.name!r}; there are {', '.join(self.names)}"


class NoMeasureError(ResultsError, KeyError):
    """A run has no measure of that name."""

    def __init__(self, name: str, names: tuple[str, ...]) -> None:
        super().__init__(name, names)
        self.name, self.names = name, names

    def __str__(self) -> str:
        """The name asked for, and the one that was perhaps meant."""
        near = get_close_matches(self.name, self.names, n=1)
        return f"no measure {self.name!r}" + (
            f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(self.names)}"
        )


class NoPaymentError(ResultsError, KeyError):
    """A run has no payment, and no obligation that was paid, of that name."""

    def __init__(self, name: str, count: int, ends: list[str]) -> None:
        super().__init__(name, count, ends)
        self.name, self.count, self.ends = name, count, ends

    def __str__(self) -> str:
        """The name asked for, and what names there are."""
        if not self.count:
            return f"no payment {self.name!r}; the run has none at all"
        names = " to ".join(dict.fromkeys(self.ends))
        return f"no payment {self.name!r}; the run has {self.count:,}, {names} (see the table 'payments')"


class StudyError(ResultsError):
    """A study cannot be made as it is asked for, or gone on with where it is."""


class ResultsWarning(UserWarning):
    """A file of a run folder is not as the run wrote it."""


class CalibrationError(SettlementError):
    """The observations of a window are too few for an estimate."""

    exit_code = 2
