"""Notebooks are stored as they run, without what is nobody else's business; a test runs each and tells what differs."""

from __future__ import annotations

import base64
import copy
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image
from stored import ROOT, differences, faults, pictures, script, stored, text_difference

if TYPE_CHECKING:
    from nbformat import NotebookNode

NAMES = [path.stem for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
#: A picture of one point.
POINT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg=="


@pytest.mark.parametrize("name", NAMES)
def test_each_notebook_is_run_by_a_test_of_its_own(name: str) -> None:
    # In a file of its own, so that two of them run on two cores.
    assert f'check("{name}")' in (Path(__file__).parent / f"test_notebook_{name}.py").read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_stored_with_its_outputs(name: str) -> None:
    notebook = stored(name)
    assert not faults(notebook)
    assert len(list(pictures(notebook))) >= 2
    assert (ROOT / f"notebooks/{name}.ipynb").stat().st_size < 600_000
    assert nbformat.writes(script().as_stored(notebook)) == nbformat.writes(notebook)


@pytest.mark.parametrize("name", NAMES)
def test_stored_pictures_can_be_seen(name: str) -> None:
    for picture in pictures(stored(name)):
        with Image.open(BytesIO(base64.b64decode(picture))) as drawn:
            assert 500 <= drawn.width <= 1300
            assert len(drawn.convert("RGB").getcolors(1_000_000)) > 10


def shown(text: str = "1.5", html: str = "<td>1.5</td>") -> NotebookNode:
    """A notebook that shows a table, prints a line and draws a point."""
    data = {"text/plain": text, "text/html": html}
    return new_notebook(
        cells=[
            new_code_cell(
                "show()",
                id="table",
                execution_count=1,
                outputs=[
                    new_output("stream", name="stdout", text="three rows\n"),
                    new_output("execute_result", data, execution_count=1),
                ],
            ),
            new_code_cell(
                "draw()",
                id="picture",
                execution_count=2,
                outputs=[new_output("display_data", {"image/png": POINT, "text/plain": "<Figure>"})],
            ),
        ]
    )


@pytest.mark.parametrize(
    "now",
    [
        shown(),
        shown(text="  1.5\n"),
        shown(text="1.5000000001"),
        shown(html="<style>td {width: 3}</style><table class='dataframe'><td> 1.5 </td></table>"),
    ],
)
def test_a_version_of_a_library_is_no_difference(now: NotebookNode) -> None:
    assert differences(shown(), now) == []


def test_another_picture_is_no_difference_and_none_is_one() -> None:
    now = copy.deepcopy(shown())
    now.cells[1].outputs[0].data["image/png"] = "another one"
    assert differences(shown(), now) == []
    del now.cells[1].outputs[0].data["image/png"]
    assert differences(shown(), now) == [
        "cell [2] 'picture', output 1: ['image/png', 'text/plain'] stored, ['text/plain'] now"
    ]
    now.cells[1].outputs = []
    assert differences(shown(), now) == ["cell [2] 'picture': 1 outputs stored, 0 now"]


def test_what_differs_is_told_by_its_cell() -> None:
    assert differences(shown(), shown(text="1.500001")) == [
        "cell [1] 'table', output 2, text/plain: after '' stands '1.5', now '1.500001'"
    ]
    assert differences(shown(), shown(html="<td>1.5</td><td>more</td>")) == [
        "cell [1] 'table', output 2, text/html: after '1.5' stands '', now 'more'"
    ]
    other = shown()
    other.cells[0].outputs[0].text = "four rows\n"
    assert differences(shown(), other) == [
        "cell [1] 'table', output 1, stdout: after '' stands 'three', now 'four'"
    ]
    other.cells[1].source = "draw(2)"
    assert differences(shown(), other)[-1] == "cell [2] is another one"


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ("-1,234.5 hours", "1,234.5 hours"),
        ("2024-03-04", "2024-03-05"),
        ("1e-7", "1e-8"),
        ("nan", "0"),
        ("1.5%", "1.5"),
        ("p95", "p99"),
        ("−2.5", "2.5"),
    ],
)
def test_numbers_and_words_are_compared(was: str, now: str) -> None:
    assert text_difference(was, now)
    assert not text_difference(was, was)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ({"text": "saved in /home/anna/study"}, "a path of somebody's machine: '/home/a'"),
        ({"text": "saved in C:\\study"}, "a path of somebody's machine: 'C:\\\\s'"),
        ({"text": "saved in tmpab1_x9zq"}, "a temporary name: 'tmpab1_x9zq'"),
        ({"text": "Wall time: 3 s"}, "a time that it took"),
        ({"text": "done in 3.1 s"}, "a time that it took"),
        ({"text": "baseline ━━━━ 3/5"}, "a bar of progress"),
        ({"text": "<object at 0x7f00c0ffee00>"}, "an address in memory"),
        ({"text": "careful", "name": "stderr"}, "wrote to standard error: careful"),
    ],
)
def test_what_others_should_not_read_is_found(output: dict[str, Any], said: str) -> None:
    notebook = shown()
    notebook.cells[0].outputs[0].update(output)
    (found,) = faults(notebook)
    assert found.startswith("cell [1] 'table' ")
    assert said in found


@pytest.mark.parametrize(
    "text", ["CNY/BYN and/or RUB/BYN", "nb-rb.by/payment/schedule.htm", "2024/03/04", "</td>", "3 seconds"]
)
def test_what_may_be_read_is_no_fault(text: str) -> None:
    notebook = shown()
    notebook.cells[0].outputs[0].text = text
    assert faults(notebook) == []


def test_errors_and_cells_out_of_order_are_found() -> None:
    notebook = shown()
    notebook.cells[1].execution_count = 7
    notebook.cells[1].outputs = [new_output("error", ename="KeyError", evalue="'x'", traceback=[])]
    assert faults(notebook) == [
        "cell [2] 'picture' has the number 7, as if not run from top to bottom",
        "cell [2] 'picture' ended with KeyError: 'x'",
    ]


def test_what_is_stored_is_stable() -> None:
    notebook = shown()
    notebook.metadata["language_info"] = {"name": "python", "version": "3.99"}
    notebook.cells[0].metadata["execution"] = {"iopub.execute_input": "2024-03-04T10:00:00Z"}
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "5f"}, "text/plain": "Output()"}
    notebook.cells[0].outputs[:1] = [
        new_output("stream", name="stdout", text="three "),
        new_output("stream", name="stdout", text="rows\n"),
        new_output("display_data", widget),
    ]
    kept = script().as_stored(notebook)
    assert "3.99" not in nbformat.writes(kept)
    assert not kept.cells[0].metadata
    assert differences(shown(), kept) == []
    assert nbformat.writes(script().as_stored(kept)) == nbformat.writes(kept)
    nbformat.validate(kept)
