"""Notebooks are stored as they run: `python scripts/notebooks.py` runs them anew and stores what their cells show.

With names (`first_run`) it runs those only. Two runs store the same file. Tests run every notebook once and hold what
it shows against what is stored (`tests/stored.py`).
"""

from __future__ import annotations

import base64
import os
import sys
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import nbformat
from nbclient import NotebookClient
from PIL import Image

if TYPE_CHECKING:
    from nbformat import NotebookNode

FOLDER = Path(__file__).parents[1] / "notebooks"
#: Which Python and which versions ran it is left out: they are those of whoever stores it.
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
#: What is drawn while a cell runs, such as a bar of progress, and names something that is gone when it has run.
PASSING = "application/vnd.jupyter.widget-view+json"
PICTURE = "image/png"
#: Enough for lines and areas, and their soft edges.
COLOURS = 128


def paths() -> list[Path]:
    """All notebooks."""
    return sorted(FOLDER.glob("*.ipynb"))


def executed(path: Path) -> NotebookNode:
    """The notebook with what its cells show when they run from top to bottom, in an empty folder; an error ends it."""
    notebook = nbformat.read(path, as_version=4)
    with TemporaryDirectory() as folder, TemporaryDirectory() as profile:
        resources = {"metadata": {"path": folder}}
        client = NotebookClient(
            notebook, timeout=600, kernel_name="python3", record_timing=False, resources=resources
        )
        # A profile of its own, so that nobody's start-up files or history have a part in it.
        client.execute(env={**os.environ, "IPYTHONDIR": profile})
    return as_stored(notebook)


def as_stored(notebook: NotebookNode) -> NotebookNode:
    """The same without what is different each time or says who ran it."""
    cells = []
    for cell in notebook.cells:
        kept = {**cell, "metadata": {}}
        if cell.cell_type == "code":
            outputs = _together(one for one in cell.outputs if PASSING not in one.get("data", {}))
            kept["outputs"] = [_smaller(output) for output in outputs]
        cells.append(kept)
    found: NotebookNode = nbformat.from_dict({**notebook, "cells": cells, "metadata": METADATA})
    return found


def _together(outputs: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - as nbformat has them
    """Outputs of which pieces of one stream, which come as they are flushed, are one."""
    found: list[dict[str, Any]] = []
    for output in outputs:
        before = found[-1] if found else {}
        if output.output_type == "stream" and before.get("name") == output.name:
            found[-1] = {**before, "text": before["text"] + output.text}
        else:
            found.append({**output})
    return found


def _smaller(output: dict[str, Any]) -> dict[str, Any]:
    """An output with its picture, if it has one, in so few colours that it takes a third of the room."""
    data = output.get("data", {})
    if PICTURE not in data:
        return output
    written = BytesIO()
    with Image.open(BytesIO(base64.b64decode(data[PICTURE]))) as drawn:
        if drawn.mode == "P":
            # It is made so already.
            return output
        drawn.convert("RGB").quantize(COLOURS).save(written, "PNG", optimize=True)
    return {**output, "data": {**data, PICTURE: base64.b64encode(written.getvalue()).decode("ascii")}}


def main(names: list[str]) -> None:
    """Run notebooks, all by default, and store them."""
    for path in paths():
        if not names or path.stem in names:
            print(path.name, flush=True)
            nbformat.write(executed(path), path)


if __name__ == "__main__":
    main(sys.argv[1:])
