"""A scenario file is text with places; whatever else it is, it is refused in plain words."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError

import sim
from sim.errors import Problem, ScenarioError
from sim.scenario.document import DEEPEST, LARGEST_FILE, Mark, dump, parse, parse_value, plain

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.quick

#: Words that some reader of YAML or other takes for what they are not.
TRAPS = [
    *(
        "no",
        "yes",
        "on",
        "Off",
        "null",
        "~",
        "True",
        "y",
        "n",
        "16:30",
        "1:20:30",
        "2024-01-01",
        "1e6",
        "1_0",
    ),
    *(
        "007",
        "+1",
        "0x1F",
        "0o7",
        ".inf",
        ".NaN",
        ".5",
        "-",
        "--",
        "---",
        "...",
        "=",
        "<<",
        "?",
        ":",
        "#",
        "&",
    ),
    *("*", "!", "|", ">", "@", "`", "%", "[", "]", "{", "}", ",", "15min", "1.5h", "a:", ":a", "a#b", "a'b"),
]

TEXT = st.one_of(
    st.text(max_size=30),
    st.text(alphabet="ab :#-\n'\"[]{}\\&*!|>@`,?\t\r\x85\u2028\ufeff", max_size=30),
    st.text(alphabet="ab \n", max_size=300),
    st.sampled_from(TRAPS),
)
NUMBERS = st.integers(-(10**30), 10**30) | st.decimals(-(10**12), 10**12, places=6)
TREES = st.dictionaries(
    TEXT,
    st.recursive(
        TEXT | NUMBERS | st.booleans() | st.none(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
        max_leaves=15,
    ),
    max_size=4,
)
#: Text that a parser finds hard, and often almost right.
HARD_TEXT = st.text(alphabet="ab:\n -[]{}&*!|>'\"%@`,?<\t#01.e\\xU\x00\u2028\ufeff", max_size=80)


def in_order(tree: object) -> object:
    """The tree with the order of keys made part of it, and truth told from numbers."""
    if isinstance(tree, dict):
        return [(key, in_order(value)) for key, value in tree.items()]
    if isinstance(tree, list):
        return ("list", [in_order(value) for value in tree])
    return ("number" if type(tree) in {int, Decimal} else type(tree), tree)


def problems_of(call: Callable[[], object]) -> tuple[Problem, ...]:
    """What the call refuses; any exception but the one for refusals passes through."""
    try:
        call()
    except ScenarioError as error:
        return error.problems
    return ()


def refusal(data: bytes | str) -> str:
    with pytest.raises(ScenarioError) as caught:
        parse(data, "a.yaml")
    return str(caught.value)


@given(TREES)
@example({"x" * 1_100: "long key", "prose": "word " * 60 + "end", "lines": "one\n  two\n\nthree\n"})
@example({"indented": f"{'one ' * 40}one\n {'two ' * 40}two\n"})
@example({"paragraphs": f"{'one ' * 40}one\n{'two ' * 40}two\n", "nested": [[["a"], {"b": [{}]}], []]})
def test_what_is_dumped_is_read_back_unchanged(tree: dict[str, object]) -> None:
    assert in_order(plain(parse(dump(tree), "a.yaml"))) == in_order(tree)


@given(st.binary(max_size=200) | st.text(max_size=200) | HARD_TEXT | HARD_TEXT.map(str.encode))
@example(b'a: "\\UFFFFFFFF"')
@example(b'a: "\\ud800"')
@example("&a [*a]")
@example('"a\\nb": {"\\e[31m": 1, "\\e[31m": 2}')
@example("? ? [a]: &b\n")
def test_any_bytes_are_read_or_refused(data: bytes | str) -> None:
    for problem in problems_of(lambda: parse(data, "a.yaml")):
        assert str(problem).startswith("a.yaml")
        assert len(str(problem).splitlines()) == 1
        assert str(problem).encode()


@given(st.text(max_size=80) | HARD_TEXT)
def test_any_override_is_read_or_refused(text: str) -> None:
    for problem in problems_of(lambda: parse_value(text, f"--set x={text}")):
        assert len(str(problem).splitlines()) == 1


@pytest.mark.parametrize(
    "text", ["16:30", "2024-03-04 09:00", "2024-01-01", "no", "y", "1:20:30", "1__0", "0b11"]
)
def test_what_is_no_number_stays_as_written(text: str) -> None:
    assert plain(parse(f"at: {text}", "a.yaml")) == {"at": text}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1_000_000", 1_000_000),
        ("1e6", Decimal("1E+6")),
        ("1.50", Decimal("1.50")),
        (".5", Decimal("0.5")),
        ("007", 7),
        ("-3", -3),
        ("0x1F", 31),
        ("0o17", 15),
    ],
)
def test_numbers_are_exact(text: str, number: int | Decimal) -> None:
    value = parse(f"a: {text}", "a.yaml").value["a"].value
    assert (value, type(value)) == (number, type(number))


def test_a_fraction_keeps_the_decimals_it_was_written_with() -> None:
    assert str(plain(parse("rate: 1.50", "a.yaml"))["rate"]) == "1.50"


@pytest.mark.parametrize("quoted", ["'5'", '"true"', "'null'", '"1e6"', "'2024-01-01'"])
def test_quotes_make_text(quoted: str) -> None:
    assert plain(parse(f"a: {quoted}", "a.yaml")) == {"a": quoted[1:-1]}


def test_every_value_and_key_knows_its_place() -> None:
    tree = parse("a: 1\nb:\n  - x\n  - {c: y}\n", "a.yaml")
    inner = tree.nearest(("b", 1, "c"))
    assert (inner.mark, inner.key) == (Mark("a.yaml", 4, 9), Mark("a.yaml", 4, 6))
    assert tree.nearest(("b",)).told_at == Mark("a.yaml", 2, 1)
    assert str(tree.nearest(("b", 0, "beyond")).mark) == "a.yaml:3:5"


def test_an_alias_is_placed_where_its_anchor_is() -> None:
    tree = parse("a: &x {k: 1}\nb: *x\n", "a.yaml")
    assert tree.nearest(("b", "k")).mark == Mark("a.yaml", 1, 11)
    assert tree.nearest(("b",)).key == Mark("a.yaml", 2, 1)


def test_every_duplicate_key_is_told() -> None:
    assert refusal("a: 1\nb: 2\na: 3\nb: {c: 1, c: 2}\n").splitlines() == [
        "a.yaml:3:1: a: the key 'a' stands here a second time; first on line 1",
        "a.yaml:4:11: b.c: the key 'c' stands here a second time; first on line 4",
        "a.yaml:4:1: b: the key 'b' stands here a second time; first on line 2",
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "a.yaml:1:1: nothing is written here"),
        (b"---\n", "a.yaml:2:1: nothing is written here"),
        ("a: 1".encode("utf-16"), "a.yaml: the file is in UTF-16 or UTF-32; save it as UTF-8"),
        (b"a: 1\nb: \xff\n", "a.yaml:2:4: a byte that is not UTF-8; save the file as UTF-8"),
        (b"a: 1\nb: \0\n", "a.yaml:2:4: an unprintable character, U+0000"),
        (b"null", "a.yaml:1:1: a scenario is a mapping of keys, not a single value"),
        (b"#" * (LARGEST_FILE + 1), f"a.yaml: the file is larger than {LARGEST_FILE:,} bytes"),
        (b"a: *b", "a.yaml:1:4: a: no anchor 'b' stands before this alias of it"),
        (b"a: &x 1\nb: &x 2", "a.yaml:2:4: b: the anchor 'x' is given twice"),
        (b"a: @b", "a.yaml:1:4: text that begins with '@' needs quotes"),
        (
            b"a: !!python/name:os.system x",
            "a.yaml:1:4: a: tags are not used in scenarios; put the text in quotes",
        ),
    ],
)
def test_what_is_no_mapping_of_text_is_refused(data: bytes, message: str) -> None:
    assert refusal(data) == message


def test_a_byte_order_mark_of_utf_8_is_welcome() -> None:
    assert plain(parse(b"\xef\xbb\xbfa: 1", "a.yaml")) == {"a": 1}


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 2_000, "a: " + "{a: " * 200, "? " * 500])
def test_absurd_nesting_is_refused(text: str) -> None:
    assert f"nested more than {DEEPEST} levels deep" in refusal(text)


def test_aliases_do_not_nest_deeper_than_text_may() -> None:
    links = "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 1_000))
    assert "levels deep" in refusal(f"a0: &a0 [1]\n{links}")


def test_aliases_that_explode_are_refused() -> None:
    doublings = "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 50))
    assert "values (aliases counted in full)" in refusal(f"a0: &a0 [1]\n{doublings}")


@pytest.mark.parametrize("text", ["a: b", "a: b\nc: d", "? a"])
def test_a_mapping_in_an_override_needs_braces(text: str) -> None:
    with pytest.raises(ScenarioError, match="needs quotes"):
        parse_value(text, "--set x")
    assert plain(parse_value("{a: b}", "--set x")) == {"a": "b"}


def test_dumped_text_is_easy_to_read() -> None:
    tree = {
        "name": "base",
        "lag": "15min",
        "open": "16:30",
        "no": ["no", "n", "off", "True", "null", "15", "1e6", "0s"],
        "accounts": [{"balance": Decimal("1E+3"), "days": [1, 2]}, []],
        "description": "word " * 24 + "end",
    }
    assert dump(tree).splitlines() == [
        "name: base",
        "lag: 15min",
        'open: "16:30"',
        '"no": ["no", "n", "off", "True", "null", "15", "1e6", 0s]',
        "accounts:",
        "  - balance: 1000",
        "    days: [1, 2]",
        "  - []",
        "description: >-",
        "  " + " ".join(["word"] * 19),
        "  " + " ".join(["word"] * 5) + " end",
    ]


@pytest.mark.parametrize("value", [1.5, {1}, b"a", Decimal("NaN")])
def test_what_cannot_be_read_back_is_not_dumped(value: object) -> None:
    with pytest.raises((TypeError, ValueError), match="cannot be written"):
        dump({"a": value})


# Why trees are built from events: what the library's own readers do not tell.


def own_readers() -> list[Callable[[str], Any]]:
    """The composer, and the loader that keeps marks."""
    return [YAML(typ="safe", pure=True).compose, YAML(typ="rt").load]


def test_the_library_s_loader_tells_one_duplicate_key_and_stops() -> None:
    text = "a: 1\na: 2\nb: 1\nb: 2\n"
    with pytest.raises(DuplicateKeyError) as found:
        YAML(typ="rt").load(text)
    assert 'key "a"' in str(found.value)
    assert 'key "b"' not in str(found.value)
    assert len(refusal(text).splitlines()) == 2


def test_the_library_s_readers_tell_nothing_that_stands_before_faulty_text() -> None:
    text = "a: 1\na: 2\nb: [c\n"
    for reader in own_readers():
        with pytest.raises(MarkedYAMLError) as found:
            reader(text)
        assert "duplicate" not in str(found.value)
    assert [line.split(":")[1] for line in refusal(text).splitlines()] == ["2", "3"]


@pytest.mark.parametrize("text", ["a: {b: 1}\nc: {<<: {d: 1}}", "a: &x [*x]"])
def test_the_library_s_readers_accept_what_a_scenario_must_not_hold(text: str) -> None:
    for reader in own_readers():
        assert reader(text) is not None
    assert refusal(text)


def test_the_library_s_loader_makes_a_float_of_a_decimal() -> None:
    text = "a: 0.12345678901234567891"
    assert isinstance(YAML(typ="rt").load(text)["a"], float)
    assert plain(parse(text, "a.yaml")) == {"a": Decimal("0.12345678901234567891")}


def test_the_library_s_readers_end_in_an_error_of_python_s_where_text_is_nested_deep() -> None:
    for reader in own_readers():
        with pytest.raises(RecursionError):
            reader("[" * 5_000)
    assert "levels deep" in refusal("[" * 5_000)


def test_two_modules_alone_know_the_yaml_library() -> None:
    package = Path(sim.__file__).parent
    assert {path.name for path in package.rglob("*.py") if "ruamel" in path.read_text("utf-8")} == {
        "document.py",
        "scanning.py",
    }
