"""A figure draws a name in the script that it is written in, or says which it cannot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import pytest
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text

from sim.show.figures.calendar import calendar
from sim.show.save import write_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.results.results import Results


def named(results: Results, name: str) -> Results:
    scenario = results.scenario.model_copy(update={"name": name})
    return replace(results, run=replace(results.run, scenario=scenario))


def title(results: Results, name: str) -> Text:
    """The title of a figure of a run whose scenario has a name."""
    axes: Axes = calendar(named(results, name), Figure().add_subplot())
    texts = [text for text in axes.findobj(Text) if isinstance(text, Text)]
    return next(text for text in texts if text.get_text().startswith("Payments"))


def test_cyrillic_needs_no_other_font(baseline_run: Results) -> None:
    assert len(title(baseline_run, "Расчёты").get_fontfamily()) == 1


def test_a_script_falls_back_to_a_font_of_the_system_that_has_it(
    baseline_run: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A font of signs stands for one of Chinese: it has a bracket that ours lacks.
    file = Path(mpl.get_data_path()) / "fonts" / "ttf" / "STIXSizThreeSymReg.ttf"
    entry = replace(font_manager.ttfFontProperty(font_manager.get_font(file)), fname=str(file), name="Others")
    own = [known for known in font_manager.fontManager.ttflist if known.name == "DejaVu Sans"]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [*own, entry])
    assert title(baseline_run, "a⏟").get_fontfamily() == ["DejaVu Sans", "Others"]


def test_a_script_that_no_font_draws_is_told_in_a_sentence(
    baseline_run: Results, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = [known for known in font_manager.fontManager.ttflist if known.name == "DejaVu Sans"]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    with pytest.warns(UserWarning, match="no font of this system draws CJK characters") as told:
        write_figure(lambda ax: calendar(named(baseline_run, "人民币结算"), ax), (8, 4), folder / "a.png")
    assert len(told) == 1


@pytest.mark.parametrize("name", [r"$\frac$", "a$b$", "$", "x" * 400, "a\nb\x1b[31m", ""])
def test_a_name_is_text_whatever_stands_in_it(name: str, baseline_run: Results, folder: Path) -> None:
    write_figure(lambda ax: calendar(named(baseline_run, name), ax), (8, 4), folder / "a.png")
    assert (folder / "a.png").read_bytes().startswith(b"\x89PNG")
