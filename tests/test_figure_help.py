"""Whoever asks what a figure is, in a notebook or at a prompt, is told: how it is called, and what it shows."""

from __future__ import annotations

import copy
import inspect
import os
import pydoc
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from matplotlib.figure import Figure
from tiny import tiny_run, write_scenario

import sim.api  # noqa: F401 - registers all figures
from sim.results.plots import FIGURES, Plots
from sim.studies.comparison import OF_COMPARISON
from sim.studies.ensemble import OF_ENSEMBLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OF = {"run": FIGURES, "ensemble": OF_ENSEMBLE, "comparison": OF_COMPARISON}
ALL = [(what, name) for what, figures in OF.items() for name in sorted(figures)]


def figure(what: str, name: str) -> Callable[..., object]:
    """A figure as a method of something of its kind."""
    method: Callable[..., object] = getattr(Plots(object(), OF[what]), name)
    return method


def test_there_are_figures_of_each_kind() -> None:
    assert {what for what, _ in ALL} == {*OF}


@pytest.mark.parametrize(("what", "name"), ALL)
def test_help_tells_what_a_figure_shows_and_how_it_is_called(what: str, name: str) -> None:
    method = figure(what, name)
    assert method.__name__ == name
    says = inspect.getdoc(method)
    assert says
    first, _, rest = says.partition("\n")
    assert first.endswith(".")
    assert first[0].isupper()
    assert not rest or rest.startswith("\n")
    ax, *options = inspect.signature(method).parameters.values()
    assert (ax.name, ax.default, ax.annotation) == ("ax", None, "Axes | None")
    assert inspect.signature(method).return_annotation == "Axes"
    for option in options:
        assert option.kind is inspect.Parameter.KEYWORD_ONLY
        assert option.default is not option.empty
        assert option.annotation is not option.empty
        assert option.name in says
    told = pydoc.plain(pydoc.render_doc(method))
    assert f"{name}{inspect.signature(method)}" in told
    assert all(line in told for line in says.splitlines())


def test_options_of_a_figure_stand_in_its_signature() -> None:
    told = str(inspect.signature(figure("comparison", "waterfall")))
    assert told == "(ax: 'Axes | None' = None, *, measure: 'str' = '', of: 'str' = '') -> 'Axes'"


@pytest.mark.parametrize("what", OF)
def test_the_figures_list_themselves(what: str) -> None:
    plot = Plots(object(), OF[what])
    assert dir(plot) == sorted(OF[what])
    told = pydoc.plain(pydoc.render_doc(plot))
    assert "as methods" in told
    for name in dir(plot):
        (line,) = [line for line in repr(plot).splitlines() if line.startswith(f"{name}(ax=None")]
        assert line.endswith((inspect.getdoc(figure(what, name)) or "").splitlines()[0])
        assert line in told
    with pytest.raises(AttributeError, match="no figure 'nothing'; there are "):
        plot.nothing  # noqa: B018 - asked for
    assert dir(copy.deepcopy(plot)) == dir(plot)


IN_A_NOTEBOOK = """
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
import sim

found = {
    "results": sim.run("tiny.yaml", measures=["delay"]),
    "ensemble": sim.ensemble("tiny.yaml", 2, measures=["delay"]),
    "comparison": sim.compare("tiny.yaml", "other.yaml", n=2, measures=["delay"]),
}
shell = InteractiveShell.instance(user_ns={**found})
for name in found:
    with provisionalcompleter():
        told = shell.Completer.completions(f"{name}.plot.", len(name) + 6)
        print(*(one.text for one in told))
    print("as methods" in shell.object_inspect_text(f"{name}.plot"))
"""


def test_a_notebook_completes_and_explains_figures(folder: Path) -> None:
    write_scenario(folder)
    (folder / "other.yaml").write_text("name: other\nextends: tiny.yaml\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", IN_A_NOTEBOOK],
        env={**os.environ, "IPYTHONDIR": str(folder), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    wanted = [line for figures in OF.values() for line in (" ".join(sorted(figures)), "True")]
    assert done.stdout.splitlines() == wanted


def test_a_figure_that_is_a_method_draws_what_it_belongs_to(folder: Path) -> None:
    results = tiny_run(folder)
    ax = Figure().add_subplot()
    assert results.plot.calendar(ax) is ax
    assert ax.get_title(loc="left").endswith(results.scenario.name)
