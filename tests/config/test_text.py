"""Configuration files: what a YAML reader lets pass is refused with its line."""

import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sppnet.config.text import check_text, number_hint
from sppnet.errors import SppnetError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb:\n  x: 1\n  x: 2\n", "line 4: b.x is given again, after line 3"),
        ("a: 1\nb: 2\na: 3\n", "line 3: a is given again, after line 1"),
        ("a: {x: 1, x: 1}\n", "line 1: a.x is given again"),
        ("a:\n- {x: 1}\n- {x: 1, x: 1}\n", "line 3: a.1.x is given again"),
        ("1: a\n'1': b\n", "line 2: 1 is given again"),
        ("a: [1\nb: 2\n", "line 2: no YAML: expected ',' or ']'"),
        ("a: 1\n\tb: 2\n", "line 2: no YAML: "),
        ("a: *x\n", "line 1: no YAML: found undefined alias 'x'"),
        ("a: 1\n? [1, 2]\n: 3\n", "line 2: no YAML: found unhashable key"),
        ("a: \x01\n", "no YAML: unacceptable character"),
        ("", "holds no settings"),
        ("- 1\n", "holds no settings"),
    ],
)
def test_what_cannot_be_meant_is_named_with_its_line(tmp_path, text, words):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(SppnetError) as caught:
        check_text(path)
    message = str(caught.value)
    assert message.startswith(f"{path}") and words in message and "\n" not in message


def test_merged_keys_may_be_written_over_and_aliases_used_twice(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("a: &a {x: 1, y: 1}\nb: {<<: *a, x: 2}\nc: *a\nd: &d [*d]\n")
    check_text(path)


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda p: p.name)
def test_shipped_files_pass(path):
    check_text(path)


def test_missing_and_foreign_files_are_one_line(tmp_path):
    with pytest.raises(SppnetError, match=r"none\.yaml: no such file"):
        check_text(tmp_path / "none.yaml")
    with pytest.raises(SppnetError, match=r"cannot be read .Is a directory"):
        check_text(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9")
    with pytest.raises(SppnetError, match="not UTF-8"):
        check_text(tmp_path / "latin.yaml")


@given(keys=st.lists(st.sampled_from("abcde"), min_size=1))
def test_a_file_is_refused_just_where_a_key_repeats(tmp_path_factory, keys):
    path = tmp_path_factory.getbasetemp() / "keys.yaml"
    path.write_text("".join(f"{key}: 1\n" for key in keys))
    if len(set(keys)) == len(keys):
        check_text(path)
    else:
        second = next(line for line, key in enumerate(keys, start=1) if key in keys[: line - 1])
        with pytest.raises(SppnetError, match=f"line {second}: "):
            check_text(path)


@given(
    st.floats(allow_nan=False, allow_infinity=False, max_value=sys.float_info.max),
    st.sampled_from(["{!r}", "{:e}", "{:.0e}", "{:E}", "{:g}"]),
)
def test_the_number_advised_is_one_in_yaml(value, form):
    text = form.format(value)
    hint = number_hint(text)
    if hint is None:  # rounded beyond the largest number
        assert abs(float(text)) == float("inf")
    else:
        assert yaml.safe_load(hint) == float(text) and not isinstance(yaml.safe_load(hint), str)


@pytest.mark.parametrize("text", ["", "big", "nan", "inf", "1e", "e5"])
def test_what_is_no_number_gets_no_advice(text):
    assert number_hint(text) is None
