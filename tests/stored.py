"""A stored notebook shows what it shows when it runs: the same texts and numbers, pictures where there were some."""

from __future__ import annotations

import re
import sys
from functools import cache
from html.parser import HTMLParser
from importlib.util import module_from_spec, spec_from_file_location
from itertools import zip_longest
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import nbformat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbformat import NotebookNode

ROOT: Final = Path(__file__).parents[1]
HOW: Final = "`make notebooks` stores them anew"
#: Numbers are the same if they differ by less than a library's order of summation can do.
TOLERANCE: Final = 1e-9
_NUMBER: Final = re.compile(r"(?<![\w.])[-−+]?\d[\d,]*(?:\.\d*)?(?:e[-+]?\d+)?", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"\b0x[0-9a-f]{6,}\b", re.IGNORECASE)
#: What must not stand in a notebook that others read: what it is called, and how it is found.
UNWANTED: Final = {
    "a path of somebody's machine": re.compile(r"(?<![\w./<])/[A-Za-z][\w.-]*/\w|\b[A-Za-z]:\\\w|\bfile://"),
    "a temporary name": re.compile(r"\btmp[a-z0-9_]{8}\b"),
    "a time that it took": re.compile(
        r"\b(?:CPU times|Wall time|it/s)\b|\bin \d+(?:\.\d+)? ?(?:m?s|seconds)\b"
    ),
    "a bar of progress": re.compile(r"[━█▏▎▍▌▋▊▉]{2}|\d+ ?%\|"),
    "an address in memory": _ADDRESS,
}


@cache
def script() -> Any:  # noqa: ANN401 - a module
    """The script that runs and stores notebooks."""
    spec = spec_from_file_location("notebooks_script", ROOT / "scripts/notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def stored(name: str) -> NotebookNode:
    """A notebook as it is stored."""
    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)


def check(name: str) -> None:
    """Run a notebook, which must show what is stored; what differs is told by its cell."""
    anew = script().executed(ROOT / "notebooks" / f"{name}.ipynb")
    told = [*faults(anew), *differences(stored(name), anew)]
    assert not told, "\n".join(
        [f"notebooks/{name}.ipynb, as it runs, differs from what is stored ({HOW}):", *told]
    )


def faults(notebook: NotebookNode) -> list[str]:
    """What should not stand in a notebook with outputs, by cell."""
    found = []
    for number, cell in enumerate(_code(notebook), 1):
        where = f"cell [{number}] {cell.id!r}"
        if cell.execution_count != number:
            found.append(f"{where} has the number {cell.execution_count}, as if not run from top to bottom")
        for output in cell.outputs:
            if output.output_type == "error":
                found.append(f"{where} ended with {output.ename}: {output.evalue}")
            if output.get("name") == "stderr":
                found.append(f"{where} wrote to standard error: {output.text.strip()}")
            text = " ".join(_texts(output).values())
            found += [
                f"{where} shows {what}: {match.group()!r}"
                for what, pattern in UNWANTED.items()
                if (match := pattern.search(text))
            ]
    return found


def differences(before: NotebookNode, after: NotebookNode) -> list[str]:
    """What differs between two notebooks with outputs, by cell and output."""
    found = []
    for number, (one, other) in enumerate(zip_longest(_code(before), _code(after)), 1):
        if one is None or other is None or (one.id, one.source) != (other.id, other.source):
            return [*found, f"cell [{number}] is another one"]
        where = f"cell [{number}] {one.id!r}"
        if len(one.outputs) != len(other.outputs):
            found.append(f"{where}: {len(one.outputs)} outputs stored, {len(other.outputs)} now")
            continue
        for place, (was, now) in enumerate(zip(one.outputs, other.outputs, strict=True), 1):
            if kinds(was) != kinds(now):
                found.append(f"{where}, output {place}: {kinds(was)} stored, {kinds(now)} now")
                continue
            told, tells = _texts(was), _texts(now)
            found += [
                f"{where}, output {place}, {kind}: {apart}"
                for kind in told
                if (apart := text_difference(told[kind], tells[kind]))
            ]
    return found


def kinds(output: NotebookNode) -> list[str]:
    """What an output is made of: a stream by name, or the kinds of data in which something is shown."""
    return [output.name] if output.output_type == "stream" else sorted(output.get("data", {}))


def text_difference(stored: str, now: str) -> str:
    """Where two texts first differ, empty if nowhere: spaces do not count, numbers may by a little."""
    words = [_ADDRESS.sub("", text).split() for text in (stored, now)]
    for k, (was, tells) in enumerate(zip_longest(*words, fillvalue="")):
        if not _same(was, tells):
            before = " ".join(words[0][max(k - 4, 0) : k])
            return f"after {before!r} stands {was!r}, now {tells!r}"
    return ""


def _same(was: str, tells: str) -> bool:
    if was == tells:
        return True
    numbers = [[_value(told) for told in _NUMBER.findall(word)] for word in (was, tells)]
    return _NUMBER.sub("0", was) == _NUMBER.sub("0", tells) and all(
        isclose(one, other, rel_tol=TOLERANCE) for one, other in zip(*numbers, strict=True)
    )


def _value(told: str) -> float:
    return float(told.replace(",", "").replace("−", "-"))


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _texts(output: NotebookNode) -> dict[str, str]:
    """The texts of an output by kind; those of HTML without its marks, whose style is that of a library's version."""
    if output.output_type == "stream":
        return {output.name: output.text}
    data = output.get("data", {})
    return {
        kind: _read(data[kind]) if kind == "text/html" else data[kind] for kind in data if "text/" in kind
    }


def _read(html: str) -> str:
    reader = _Reader()
    reader.feed(html)
    return " ".join(reader.words)


class _Reader(HTMLParser):
    """Collects what is read of a page, without styles and scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Styles and scripts are not read."""
        del attrs
        self._hidden += tag in {"style", "script"}

    def handle_endtag(self, tag: str) -> None:
        """What follows them is."""
        self._hidden -= tag in {"style", "script"}

    def handle_data(self, data: str) -> None:
        """A text between two marks."""
        if not self._hidden:
            self.words += data.split()


def pictures(notebook: NotebookNode) -> Iterator[str]:
    """The pictures of a notebook, as they are stored."""
    for cell in _code(notebook):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                yield output.data["image/png"]
