"""A folder is replaced only if we wrote it, and what a user put there stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from tiny import tiny_run, with_tables, write_scenario

import sim
from sim.cli import cli

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="made of links and permissions")

RUN = ["run", "source/tiny.yaml", "--no-figures"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> sim.Results:
    return with_tables(tiny_run(tmp_path_factory.mktemp("first") / "source"), "payments", "fx")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> sim.Results:
    """A run of another text, with another table."""
    results = tiny_run(tmp_path_factory.mktemp("second") / "source", "seed: 2\n")
    return with_tables(results, "payments", "accounts")


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), prog_name="sim")


def contents(folder: Path) -> dict[str, str]:
    """Everything below a folder, by path: the hash of a file, where a link leads, or that it is a folder."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"→ {path.readlink()}"
        else:
            found[name] = sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
    return found


def with_figures(*names: str) -> Callable[[sim.Results, Path], None]:
    def draw(results: sim.Results, folder: Path) -> None:
        (folder / "figures").mkdir()
        for name in names:
            (folder / "figures" / name).write_text(f"{name} {results.scenario.seed}", "utf-8")

    return draw


# What is no run of ours.

FOREIGN = {
    "letter": {"letter.txt": "dear"},
    "web application": {"manifest.json": '{"name": "app", "icons": [], "start_url": "/"}', "index.html": ""},
    "a manifest alone": {"manifest.json": "{}"},
    "a broken manifest": {"manifest.json": "{", "payments.parquet": ""},
    "a manifest like ours": {
        "manifest.json": json.dumps({"format": "local-currency-settlement run", "tables": {}, "seed": 1})
    },
    "hidden": {".git": "x"},
}


@pytest.mark.parametrize("force", [[], ["--force"]], ids=["", "force"])
@pytest.mark.parametrize("kind", FOREIGN)
def test_a_folder_that_we_did_not_write_is_refused_before_anything_runs(
    kind: str, force: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_scenario(folder / "source")
    (folder / "precious").mkdir()
    for name, text in FOREIGN[kind].items():
        (folder / "precious" / name).write_text(text, "utf-8")
    before = contents(folder)
    monkeypatch.setattr("sim.running.execute", lambda *_: pytest.fail("it was run"))
    for target in ("precious", "precious/", "new/../precious", "precious/../precious/."):
        result = invoke(*RUN, "-o", target, *force)
        assert result.exit_code == 2, result.output
        assert result.stderr.startswith(
            f"{Path(target)}: exists and is not a run; choose another folder with -o"
        )
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("", "the name of a folder is needed, not an empty text"),
        (".", ".: exists and is not a run"),
        ("/", "/: exists and is not a run"),
        ("..", "..: exists and is not a run"),
        ("source/tiny.yaml", "source/tiny.yaml: exists and is not a run"),
        ("source/tiny.yaml/run", "tiny.yaml is a file, not a folder"),
        ("link", "link: exists and is not a run"),
        ("/dev/null", "/dev/null: exists and is not a run"),
        ("a" * 300, "File name too long"),
    ],
)
def test_a_place_that_is_no_folder_for_a_run_is_refused(target: str, told: str, folder: Path) -> None:
    write_scenario(folder / "source")
    (folder / "link").symlink_to("source")
    before = contents(folder)
    result = invoke(*RUN, "-o", target, "--force")
    assert (result.exit_code, type(result.exception)) == (2, SystemExit)
    assert told in result.stderr
    assert contents(folder) == before


def test_a_place_where_nothing_may_be_written_is_told_before_anything_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_scenario(folder / "source")
    monkeypatch.setattr("sim.running.execute", lambda *_: pytest.fail("it was run"))
    monkeypatch.setattr(os, "access", lambda *_: False)  # For root may write everywhere.
    for arguments in (["-o", "closed/run"], []):
        result = invoke(*RUN, *arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"the folder cannot be written: {folder} cannot be written" in result.stderr


def test_a_link_to_a_run_is_the_run(run: sim.Results, folder: Path) -> None:
    run.save("real")
    Path("link").symlink_to("real")
    Path("dangling").symlink_to("later")
    run.save("link")
    run.save("dangling")
    assert Path("link").is_symlink()
    assert sorted(path.name for path in folder.iterdir()) == ["dangling", "later", "link", "real"]
    assert len(sim.open("dangling").payments) == len(run.payments)


def test_what_may_not_be_replaced_is_refused_by_the_library_too(run: sim.Results, folder: Path) -> None:
    (folder / "precious").mkdir()
    (folder / "precious" / "letter.txt").write_text("dear", "utf-8")
    path = write_scenario(folder / "source")
    before = contents(folder)
    for target in ("precious", "new/../precious", ""):
        for save in (run.save, lambda target: sim.run(path, output=target)):
            with pytest.raises(sim.ResultsError):
                save(target)
    assert contents(folder) == before


def test_the_current_folder_stays_the_one_that_it_is(
    run: sim.Results, other: sim.Results, folder: Path
) -> None:
    node = folder.stat().st_ino
    for results in (run, run, other):
        results.save(".", force=True)
        assert Path.cwd().stat().st_ino == node == folder.stat().st_ino
    assert sim.open(".").scenario.seed == 2
    assert not [path for path in folder.parent.iterdir() if path.name.endswith(".sim-saving")]


def test_a_folder_is_written_in_place_where_nothing_can_be_written_beside(
    run: sim.Results, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for a volume that is mounted at the target."""
    run.save("mine", with_figures("a.png"))
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != folder and allowed(path, mode))
    monkeypatch.setattr(Path, "rename", within(folder / "mine", Path.rename))
    run.save("mine", with_figures("b.png"))
    assert {path.name for path in Path("mine").iterdir()} == {
        *("figures", "fx.parquet", "manifest.json", "measures.json", "payments.parquet", "scenario.yaml")
    }
    assert [path.name for path in Path("mine/figures").iterdir()] == ["b.png"]


def within(folder: Path, move: Callable[[Path, Path], Path]) -> Callable[[Path, Path], Path]:
    def rename(before: Path, after: Path) -> Path:
        assert before.is_relative_to(folder)
        assert after.is_relative_to(folder)
        return move(before, after)

    return rename


# The same text, another text, and the next free name.


def test_the_same_text_replaces_itself_and_another_only_by_force(
    run: sim.Results, other: sim.Results, folder: Path
) -> None:
    run.save("mine")
    run.save("mine")
    before = contents(folder)
    with pytest.raises(
        sim.ResultsError, match=r"^mine: holds a run of another text \(tiny, seed 1\); .* --force$"
    ):
        other.save("mine")
    assert contents(folder) == before
    other.save("mine", force=True)
    assert sim.open("mine").scenario.seed == 2
    assert not Path("mine/fx.parquet").exists()


CHANGES: dict[str, list[str]] = {
    "another seed": ["--seed", "2"],
    "another balance": ["--set", "accounts.0.balance=90"],
}


def test_o_refuses_another_text_before_it_runs_and_force_replaces_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_scenario(folder / "source")
    for _ in range(2):
        assert invoke(*RUN, "-o", "mine").exit_code == 0
    before = contents(folder / "mine")
    with monkeypatch.context() as patched:
        patched.setattr("sim.running.execute", lambda *_: pytest.fail("it was run"))
        for change in CHANGES.values():
            result = invoke(*RUN, "-o", "mine", *change)
            assert (result.exit_code, result.stdout) == (2, "")
            assert result.stderr.startswith("mine: holds a run of another text (tiny, seed 1)")
        # What is paid belongs to the text as well.
        write_scenario(
            folder / "source",
            payments="payment_id,instructed_at,payer_bank,payee_bank,amount\np1,2024-03-04T09:30,A,B,61\n",
        )
        assert invoke(*RUN, "-o", "mine").exit_code == 2
    assert contents(folder / "mine") == before
    result = invoke(*RUN, "-o", "mine", "--force", "--json")
    assert json.loads(result.stdout)["measures"]["payments"]["value"] == 1


def test_without_o_a_run_takes_the_next_free_name_and_tells_it(folder: Path) -> None:
    write_scenario(folder / "source")
    for name, change in (("tiny-1", []), ("tiny-1-2", ["--set", "accounts.0.balance=90"]), ("tiny-1-3", [])):
        result = invoke(*RUN, *change)
        assert result.exit_code == 0
        assert all(line.startswith("warning: account 'A@s'") for line in result.stderr.splitlines())
        assert result.stdout.splitlines()[-1].endswith(f"runs/{name}")
        assert sim.open(f"runs/{name}").folder == Path("runs") / name
    assert sorted(path.name for path in Path("runs").iterdir()) == ["tiny-1", "tiny-1-2", "tiny-1-3"]
    assert "--force is for -o" in invoke(*RUN, "--force").stderr


@pytest.mark.usefixtures("folder")
def test_a_name_that_is_taken_by_something_else_is_not_free(run: sim.Results) -> None:
    Path("r").write_text("mine", "utf-8")
    Path("r-2").mkdir()
    Path("r-3").symlink_to("nowhere")
    assert run.save("r", free=True).folder == Path("r-4")
    assert Path("r").read_text("utf-8") == "mine"


# What a user put into a run folder.


def test_what_a_user_put_into_a_run_folder_survives_every_save(
    run: sim.Results, other: sim.Results, folder: Path
) -> None:
    run.save("mine", with_figures("a.png", "b.png"))
    outside = folder / "outside"
    outside.mkdir()
    (outside / "payments.parquet").write_text("precious", "utf-8")
    mine = {"notes.txt": "1", "sub/deep/x.csv": "2", "figures/own.png": "3", "figures/a (copy).png": "4"}
    for name, text in mine.items():
        Path("mine", name).parent.mkdir(parents=True, exist_ok=True)
        Path("mine", name).write_text(text, "utf-8")
    Path("mine/link").symlink_to("../outside")

    def meanwhile(results: sim.Results, new: Path) -> None:
        with_figures("a.png")(results, new)
        Path("mine/late.txt").write_text("5", "utf-8")
        Path("mine/figures/late.png").write_text("6", "utf-8")

    for results in (run, other, other, run):
        results.save("mine", meanwhile, force=True)
        opened = sim.open("mine")
        assert opened.scenario == results.scenario
        kept = {name: Path("mine", name).read_text("utf-8") for name in mine}
        assert kept == mine
        assert Path("mine/late.txt").read_text("utf-8") == "5"
        expected = {
            *opened.manifest["files"],
            "manifest.json",
            *(f"{name}.parquet" for name in opened.manifest["tables"]),
        }
        found = {name for name, kind in contents(folder / "mine").items() if kind != "folder"}
        assert found == {*expected, *mine, "link", "late.txt", "figures/late.png"}
    assert Path("mine/link").is_symlink()
    assert contents(outside).keys() == {"payments.parquet"}


@pytest.mark.parametrize(
    "name", ["scenario.yaml", "measures.json", "manifest.json", "payments.parquet", "fx.parquet"]
)
def test_what_a_user_changed_is_kept_aside_and_told(
    name: str, run: sim.Results, other: sim.Results, folder: Path
) -> None:
    run.save("mine")
    changed = Path("mine", name)
    changed.write_bytes(changed.read_bytes().replace(b'"warnings"', b'"note": "mine", "warnings"') + b" ")
    text = changed.read_bytes()
    with pytest.warns(sim.ResultsWarning) as caught:
        other.save("mine", force=True)
    message = (
        f"{folder / 'mine' / name} was not as it had been written; what stood there is kept as {name}.kept"
    )
    assert [str(warning.message) for warning in caught] == [message]
    assert Path("mine", f"{name}.kept").read_bytes() == text
    assert sim.open("mine").scenario.seed == 2
    other.save("mine")
    assert Path("mine", f"{name}.kept").read_bytes() == text


IN_THE_WAY: dict[str, Callable[[Path], object]] = {
    "folder": lambda path: (path.mkdir(), (path / "letter.txt").write_text("dear", "utf-8")),
    "link to a folder": lambda path: path.symlink_to("../outside"),
    "link to nothing": lambda path: path.symlink_to("nowhere"),
    "pipe": os.mkfifo,
    "file": lambda path: path.write_text("mine", "utf-8"),
}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (name, kind)
        for name in ("fx.parquet", "figures", "figures/a.png")
        for kind in IN_THE_WAY
        if (name, kind) != ("figures", "folder")  # A folder of that name is what we need.
    ],
)
def test_what_is_in_the_way_steps_aside_and_stays(
    name: str, kind: str, run: sim.Results, folder: Path
) -> None:
    (folder / "outside").mkdir()
    (folder / "outside" / "a.png").write_text("a.png 1", "utf-8")
    run.save("mine", with_figures("a.png") if "/" in name else None)
    path = Path("mine", name)
    if path.exists():
        path.unlink()
    IN_THE_WAY[kind](path)
    with pytest.warns(sim.ResultsWarning, match=rf"kept as {path.name}\.kept$"):
        run.save("mine", with_figures("a.png"))
    kept = path.with_name(f"{path.name}.kept")
    assert os.path.lexists(kept)
    assert Path("mine/figures/a.png").read_text("utf-8") == "a.png 1"
    assert not Path("mine/figures").is_symlink()
    assert (folder / "outside" / "a.png").read_text("utf-8") == "a.png 1"
    assert len(sim.open("mine").fx) == len(run.fx)


@pytest.mark.usefixtures("folder")
def test_figures_that_stand_behind_a_link_are_not_ours_to_remove(run: sim.Results) -> None:
    run.save("mine", with_figures("a.png"))
    Path("mine/figures").rename("elsewhere")
    Path("mine/figures").symlink_to("../elsewhere")
    run.save("mine")
    assert Path("mine/figures").is_symlink()
    assert Path("elsewhere/a.png").read_text("utf-8") == "a.png 1"


def test_figures_drawn_again_replace_ours_alone(folder: Path) -> None:
    write_scenario(folder / "source")
    assert invoke("run", "source/tiny.yaml", "-o", "mine").exit_code == 0
    before = contents(folder / "mine")
    Path("mine/notes.txt").write_text("mine", "utf-8")
    Path("mine/figures/own.png").write_text("mine", "utf-8")
    Path("mine/figures/delay.png").write_text("painted over", "utf-8")
    result = invoke("plot", "mine")
    assert result.exit_code == 0
    assert "kept as delay.png.kept" in result.stderr
    assert Path("mine/figures/delay.png.kept").read_text("utf-8") == "painted over"
    added = {"notes.txt", "figures/own.png", "figures/delay.png.kept"}
    after = {name: found for name, found in contents(folder / "mine").items() if name not in added}
    assert after == before
    assert invoke("plot", "mine").stderr == ""


def test_figures_of_a_run_are_not_put_into_another_one(
    run: sim.Results, other: sim.Results, tmp_path: Path
) -> None:
    saved = run.save(tmp_path / "mine")
    other.save(tmp_path / "mine", force=True)
    before = contents(tmp_path)
    with pytest.raises(sim.ResultsError, match="another run was saved here meanwhile"):
        saved.save_figures(lambda *_: pytest.fail("it was drawn"))
    assert contents(tmp_path) == before


def test_a_file_that_is_no_figure_of_ours_is_not_drawn_over(folder: Path) -> None:
    write_scenario(folder / "source")
    assert invoke(*RUN, "-o", "mine").exit_code == 0
    Path("thesis.txt").write_text("mine", "utf-8")
    result = invoke("plot", "mine", "mine", "-o", "thesis.txt")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert Path("thesis.txt").read_text("utf-8") == "mine"
    for _ in range(2):
        assert invoke("plot", "mine", "mine", "-o", "figure.png").exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["figure.png", "mine", "source", "thesis.txt"]


# A save that another one left half done.


def hidden_files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*")]


@pytest.mark.parametrize(
    "plan",
    [
        "{",
        "[]",
        '{"place": "mine"}',
        '{"place": "../source", "old": {}, "new": {}}',
        '{"place": "source", "old": {"tiny.yaml": ""}, "new": {}}',
        '{"place": "mine", "old": {"../source/tiny.yaml": "x"}, "new": {}}',
    ],
)
def test_a_plan_that_is_not_ours_is_not_followed(plan: str, run: sim.Results, folder: Path) -> None:
    write_scenario(folder / "source")
    run.save("mine")
    (folder / ".mine.sim-saving").mkdir()
    (folder / ".mine.sim-saving" / "plan.json").write_text(plan, "utf-8")
    before = contents(folder / "source"), contents(folder / "mine")
    result = invoke("plot", "mine")
    assert (result.exit_code, type(result.exception)) == (2, SystemExit)
    assert "that cannot be finished" in result.stderr
    assert (contents(folder / "source"), contents(folder / "mine")) == before


def test_what_a_killed_save_left_is_tidied_by_the_next_command_beside_it(
    run: sim.Results, folder: Path
) -> None:
    killed = """\
import os, sys, signal
from sim.results.saving import new_folder
with new_folder(sys.argv[1], None) as new:
    (new / "x").touch()
    os.kill(os.getpid(), signal.SIGKILL)"""
    for target in ("runs/lost", "runs/other"):
        done = subprocess.run([sys.executable, "-c", killed, target], check=False, timeout=60)
        assert done.returncode < 0
        assert hidden_files(folder) == [f".{Path(target).name}.sim-saving"]
    run.save("runs/mine")
    assert hidden_files(folder) == []
    assert sorted(path.name for path in Path("runs").iterdir()) == ["mine"]
