"""A run folder that is not as the run left it is refused, or told by the name of the file; never in silence."""

from __future__ import annotations

import json
import os
import shutil
import sys
import warnings
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from click.testing import CliRunner
from tiny import tiny_run

import sim
from sim.cli import cli

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="made of links and pipes")

#: What is looked at, beside names that no run has.
TABLES = ("payments", "fx", "accounts", "nowhere")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of which nobody changes anything; the payments that it came from are gone."""
    folder = tmp_path_factory.mktemp("whole")
    tiny_run(folder / "source").save(folder / "run")
    shutil.rmtree(folder / "source")
    return folder / "run"


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    """A copy, beside something outside of it."""
    (tmp_path / "outside").mkdir()
    shutil.copy(whole / "payments.parquet", tmp_path / "outside" / "x.parquet")
    return Path(shutil.copytree(whole, tmp_path / "run"))


def use(folder: Path) -> list[str]:
    """Open a run and look at things in it; what it warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        opened = sim.open(folder)
        for name in {*TABLES} & {*opened.table_names}:
            len(opened[name])
        assert opened.payments is not None
        repr(opened)
    assert {warning.category for warning in caught} <= {sim.ResultsWarning}
    return [str(warning.message) for warning in caught]


def manifest(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """A change of the manifest that is sealed again, as by one who knows how; it must not lead anywhere."""

    def do(run: Path) -> None:
        content = json.loads((run / "manifest.json").read_text("utf-8"))
        change(content)
        content.pop("manifest_sha256", None)
        seal = sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        (run / "manifest.json").write_text(json.dumps({**content, "manifest_sha256": seal}), "utf-8")

    return do


def text(name: str, content: str | bytes) -> Callable[[Path], None]:
    data = content.encode() if isinstance(content, str) else content
    return lambda run: (run / name).write_bytes(data) and None


def instead(name: str, make: Callable[[Path], object]) -> Callable[[Path], None]:
    def do(run: Path) -> None:
        (run / name).unlink()
        make(run / name)

    return do


def replaced(old: str, new: str, name: str = "manifest.json") -> Callable[[Path], None]:
    def do(run: Path) -> None:
        content = (run / name).read_text("utf-8")
        assert old in content
        (run / name).write_text(content.replace(old, new), "utf-8")

    return do


def cut(name: str, share: float) -> Callable[[Path], None]:
    def do(run: Path) -> None:
        data = (run / name).read_bytes()
        (run / name).write_bytes(data[: int(len(data) * share)])

    return do


def put(key: str, value: object) -> Callable[[Path], None]:
    return manifest(lambda content: content.update({key: value}))


def lead(name: str) -> Callable[[Path], None]:
    """A table of that name, with the right hash, that lies outside."""
    return manifest(
        lambda content: content["tables"].update({name: content["tables"]["payments"]}),
    )


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def link_out(run: Path) -> None:
    shutil.move(run / "manifest.json", run.parent / "m.json")
    (run / "manifest.json").symlink_to("../m.json")


def in_another_encoding(run: Path) -> None:
    content = (run / "manifest.json").read_text("utf-8")
    (run / "manifest.json").write_bytes(content.encode("utf-16"))


def swapped(run: Path) -> None:
    shutil.copy(run / "fx.parquet", run / "payments.parquet")


HASH = "0" * 64
REFUSED: dict[str, Callable[[Path], None]] = {
    "no manifest": lambda run: (run / "manifest.json").unlink(),
    "manifest empty": text("manifest.json", ""),
    "manifest binary": text("manifest.json", bytes(range(256)) * 40),
    "manifest of another program": text("manifest.json", '{"name": "app", "icons": []}'),
    "manifest a list": text("manifest.json", "[]"),
    "manifest a number": text("manifest.json", "1"),
    "manifest deep": text("manifest.json", "[" * 100_000),
    "manifest of a long number": text("manifest.json", '{"seed": ' + "9" * 5000 + "}"),
    "manifest huge": instead("manifest.json", lambda path: (path.touch(), os.truncate(path, 10**10))),
    "manifest a folder": instead("manifest.json", Path.mkdir),
    "manifest a pipe": instead("manifest.json", os.mkfifo),
    "manifest a device": instead("manifest.json", device),
    "manifest a loop": instead("manifest.json", lambda path: path.symlink_to(path.name)),
    "manifest a link to nothing": instead("manifest.json", lambda path: path.symlink_to("gone")),
    "manifest a link out": link_out,
    "manifest cut": cut("manifest.json", 0.5),
    "manifest in another encoding": in_another_encoding,
    "no format": manifest(lambda content: content.pop("format")),
    "newer": put("format_version", 5),
    "of an earlier version": put("format_version", 2),
    "version no number": put("format_version", "1"),
    "version true": put("format_version", True),
    **{
        f"no {key}": manifest(lambda content, key=key: content.pop(key))
        for key in ("tables", "files", "seed", "scenario", "scenario_sha256", "warnings", "followed_until")
    },
    "no seal": replaced('"manifest_sha256"', '"manifest"'),
    "tables a list": put("tables", ["payments"]),
    "tables null": put("tables", None),
    "hash too short": put("tables", {"payments": "00"}),
    "hash null": put("tables", {"payments": None}),
    "seed text": put("seed", "1"),
    "warnings text": put("warnings", "none"),
    "instant none": put("followed_until", "soon"),
    "instant without zone": put("followed_until", "2024-03-04T17:00:00"),
    "payments file text": put("payments_file", "payments.csv"),
    "table above": lead("../outside/x"),
    "table absolute": lead("/etc/passwd"),
    "table of a Windows path": lead("..\\outside\\x"),
    "table empty": lead(""),
    "file above": manifest(lambda content: content["files"].update({"../outside/x.parquet": HASH})),
    "file of a folder above": manifest(lambda content: content["files"].update({"figures/../../x": HASH})),
    "file with a zero": manifest(lambda content: content["files"].update({"figures/a\0b": HASH})),
    "file no character": manifest(lambda content: content["files"].update({"\ud800": HASH})),
    "no payments among the tables": manifest(lambda content: content["tables"].pop("payments")),
    "table deleted": lambda run: (run / "payments.parquet").unlink(),
    "table empty file": text("payments.parquet", ""),
    "table cut": cut("payments.parquet", 0.6),
    "table nearly whole": cut("payments.parquet", 0.99),
    "table text": text("payments.parquet", "payment_id,amount\n"),
    "table a folder": instead("payments.parquet", Path.mkdir),
    "table a folder of tables": instead(
        "payments.parquet",
        lambda path: (path.mkdir(), shutil.copy(path.parent / "fx.parquet", path / "fx.parquet")),
    ),
    "table a pipe": instead("payments.parquet", os.mkfifo),
    "table a device": instead("payments.parquet", device),
    "table a link out": instead("payments.parquet", lambda path: path.symlink_to("../outside/x.parquet")),
    "measures missing": lambda run: (run / "measures.json").unlink(),
    "measures broken": text("measures.json", "{"),
    "measures a list": text("measures.json", "[]"),
    "measures of numbers": text("measures.json", '{"payments": 3}'),
    "measures without unit": text("measures.json", '{"payments": {"value": 3}}'),
    "measures with more": text("measures.json", '{"payments": {"value": 3, "unit": "", "x": 1}}'),
    "measures of text": replaced('"value": 3,', '"value": "three",', "measures.json"),
    "measures a link out": instead("measures.json", lambda path: path.symlink_to("/etc/hostname")),
    "scenario missing": lambda run: (run / "scenario.yaml").unlink(),
    "scenario broken": text("scenario.yaml", "name: [\n"),
    "scenario empty": text("scenario.yaml", ""),
    "scenario binary": text("scenario.yaml", b"\x00\xff\xfe"),
    "scenario invalid": replaced("balance: 100", "balance: much", "scenario.yaml"),
    "scenario extends the library": text("scenario.yaml", "extends: baseline\nname: tiny\n"),
    "scenario extends a file outside": text("scenario.yaml", "extends: ../../../../etc/passwd\nname: tiny\n"),
    "scenario a device": instead("scenario.yaml", device),
    "scenario a pipe": instead("scenario.yaml", os.mkfifo),
}


def other_rows(run: Path) -> None:
    pd.read_parquet(run / "payments.parquet").iloc[:1].to_parquet(run / "payments.parquet")


def other_columns(run: Path) -> None:
    pd.DataFrame({"x": [1]}).to_parquet(run / "payments.parquet")


#: What can be read all the same, and the file that is named.
TOLD: dict[str, tuple[str, Callable[[Path], None]]] = {
    "seed": ("manifest.json", replaced('"seed": 1', '"seed": 2')),
    "warning added": ("manifest.json", replaced('"warnings": [', '"warnings": ["all is well", ')),
    "key added": ("manifest.json", replaced('"seed": 1', '"seed": 1, "note": "mine"')),
    "payments moved": ("manifest.json", replaced("payments.csv", "other.csv")),
    "value": ("measures.json", replaced('"value": 3,', '"value": 4,', "measures.json")),
    "none": ("measures.json", text("measures.json", "{}")),
    "space": ("measures.json", replaced("{", "{ ", "measures.json")),
    "balance": ("scenario.yaml", replaced("balance: 100", "balance: 101", "scenario.yaml")),
    "comment": ("scenario.yaml", replaced("name: tiny", "name: tiny  # mine", "scenario.yaml")),
    "rows": ("payments.parquet", other_rows),
    "columns": ("payments.parquet", other_columns),
    "swapped": ("payments.parquet", swapped),
}


def test_an_untouched_run_opens_in_silence_without_the_payments_it_came_from(run: Path) -> None:
    assert use(run) == []


def test_what_a_user_adds_changes_nothing(run: Path) -> None:
    (run / "notes.txt").write_text("mine", "utf-8")
    (run / "mine").symlink_to("/etc")
    (run / "more.parquet").write_text("mine", "utf-8")
    assert use(run) == []


def test_a_folder_named_like_a_partition_adds_no_column(run: Path) -> None:
    columns = list(sim.open(run).payments.columns)
    run.rename(run.with_name("seed=1"))
    assert list(sim.open(run.with_name("seed=1")).payments.columns) == columns


def test_who_opens_a_run_of_before_is_told_to_run_it_again(run: Path) -> None:
    put("format_version", 2)(run)
    plotted = CliRunner().invoke(cli, ["plot", str(run)])
    assert plotted.exit_code == 2
    (line,) = plotted.stderr.splitlines()
    assert "of format 2, written by an earlier version; this one reads 4; run its scenario.yaml again" in line


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_believed_is_refused(kind: str, run: Path) -> None:
    REFUSED[kind](run)
    with pytest.raises(sim.ResultsError):
        use(run)
    if "nowhere" not in kind:  # No figure needs that.
        plotted = CliRunner().invoke(cli, ["plot", str(run)])
        assert (plotted.exit_code, type(plotted.exception)) == (2, SystemExit)
        assert str(run) in plotted.stderr or "no table 'payments'" in plotted.stderr


@pytest.mark.parametrize("kind", TOLD)
def test_what_was_changed_is_told_once_by_the_name_of_its_file(kind: str, run: Path) -> None:
    name, change = TOLD[kind]
    change(run)
    assert use(run) == [f"{run / name}: changed since the run was saved"]


@pytest.mark.parametrize("kind", ["columns", "swapped"])
def test_a_figure_of_a_changed_table_is_drawn_or_refused(kind: str, whole: Path, run: Path) -> None:
    name, change = TOLD[kind]
    change(run)
    plotted = CliRunner().invoke(cli, ["plot", str(run)])
    assert (plotted.exit_code, type(plotted.exception)) == (2, SystemExit)
    assert f"warning: {run / name}: changed since the run was saved" in plotted.stderr.splitlines()
    assert {path.name for path in run.iterdir()} == {path.name for path in whole.iterdir()}


def test_figures_drawn_again_do_not_make_a_changed_manifest_good(run: Path) -> None:
    replaced('"seed": 1', '"seed": 2')(run)
    for _ in range(2):
        plotted = CliRunner().invoke(cli, ["plot", str(run)])
        assert plotted.exit_code == 0, plotted.stderr
        assert (
            f"warning: {run / 'manifest.json'}: changed since the run was saved"
            in plotted.stderr.splitlines()
        )
