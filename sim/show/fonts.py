"""A name is drawn in the script that it is written in, by whichever font of the system has its characters."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from unicodedata import name

from matplotlib.font_manager import fontManager, get_font
from matplotlib.text import Text

from sim.readable import readable
from sim.show.palette import STYLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.artist import Artist

#: Families to look into first, where the system has them; they suit the letters of our own font.
_PREFERRED: Final = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans GB",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "SimHei",
    "Arial Unicode MS",
)
#: Draws a box with the number of any character, so it would hide that no font draws it.
_LAST_RESORT: Final = "LastResort"


def draw_all_scripts(drawn: Artist) -> None:
    """Let the text of a figure fall back to fonts that have its characters.

    A warning per script, in a sentence, tells what no font of the system has: it is drawn as boxes.
    """
    texts = [text for text in drawn.findobj(Text) if isinstance(text, Text) and text.get_text()]
    for text in texts:
        if not (written := text.get_text()).isprintable():
            text.set_text("\n".join(map(readable, written.split("\n"))))
    own = STYLE["font.family"]
    lacking = frozenset("".join(text.get_text() for text in texts)) - _drawn_by(own) - {"\n"}
    if not lacking:
        return
    families, nowhere = _fallbacks(lacking)
    for text in texts:
        if not lacking.isdisjoint(text.get_text()):
            text.set_fontfamily([own, *families])
    for script in sorted({name(c, "unknown").split()[0] for c in nowhere}):
        warnings.warn(
            f"no font of this system draws {script} characters, so figures show boxes for them; "
            "install one that does, such as Noto Sans CJK for Chinese",
            stacklevel=1,
        )


@cache
def _fallbacks(lacking: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Families that together draw the characters, as few as the order of looking gives, and what none draws."""
    found: list[str] = []
    for family in _families():
        if not lacking:
            break
        if drawn := lacking & _drawn_by(family):
            found.append(family)
            lacking -= drawn
    return tuple(found), lacking


def _families() -> Iterator[str]:
    installed = {entry.name for entry in fontManager.ttflist}
    yield from (family for family in _PREFERRED if family in installed)
    yield from sorted(family for family in installed if _LAST_RESORT not in family.replace(" ", ""))


@cache
def _drawn_by(family: str) -> frozenset[str]:
    """The characters that a family has outlines for."""
    file = next(entry.fname for entry in fontManager.ttflist if entry.name == family)
    try:
        font: Any = get_font(file)
    except (OSError, RuntimeError):  # a font that has gone, or that cannot be read
        return frozenset()
    return frozenset(map(chr, font.get_charmap())) if font.scalable else frozenset()
