"""The hash of code follows what a module and its imports do, or the whole package."""

import pytest

from sppnet.code_hash import code_hash, package_hash

TOP = '''"""Top."""
from typer import Option

from pack.low import C

B = 1 + 1
"""What B is."""


def run(size: int = Option(3, min=1, help="Size in pixels."), name: str = "a") -> dict:
    """Run."""
    if size > 99:
        raise ValueError(f"{size}: too large")
    return result(size < 9, description="Words.", help={"kept": 5})
'''


def hashes(folder, file="", old="", new=""):
    """Hashes of the module `top` and of the package that holds it, one text replaced."""
    package = folder / "pack"
    package.mkdir(parents=True)
    (package / "top.py").write_text(TOP)
    (package / "low.py").write_text('"""Low."""\nC = 3\n')
    (package / "other.py").write_text("D = 5\n")
    if file:
        text = (package / file).read_text()
        assert old in text
        (package / file).write_text(text.replace(old, new))
    return code_hash("pack.top", folder), package_hash(package)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("top.py", "1 + 1", "1  +  1  # two"),
        ("top.py", '"""Top."""', '"""Other words."""'),
        ("top.py", '"""What B is."""', '"""Other words."""'),
        ("top.py", '    """Run."""\n', ""),
        ("top.py", "Size in pixels.", "Side of the image in pixels."),
        ("top.py", ', help="Size in pixels."', ""),
        ("top.py", "Words.", "Other words."),
        ("top.py", 'f"{size}: too large"', '"a size cannot be so large"'),
    ],
)
def test_what_is_for_readers_does_not_count(tmp_path, file, old, new):
    assert hashes(tmp_path / "new", file, old, new) == hashes(tmp_path / "old")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1 + 1", "1 + 2"),
        ("Option(3", "Option(4"),
        ("min=1", "min=2"),
        ("size < 9", "size <= 9"),
        ('"a"', '"b"'),
        ('"kept": 5', '"kept": 6'),  # data, though its name is that of an explanation
        ("B = ", "A = "),
        ("ValueError", "TypeError"),  # may be caught
        ("> 99", "> 98"),
    ],
)
def test_what_decides_a_result_counts(tmp_path, old, new):
    before, after = hashes(tmp_path / "old"), hashes(tmp_path / "new", "top.py", old, new)
    assert before[0] != after[0] and before[1] != after[1]


@pytest.mark.parametrize(("file", "old", "new"), [("low.py", "3", "4"), ("other.py", "5", "6")])
def test_a_command_is_what_it_imports_and_the_package_is_everything(tmp_path, file, old, new):
    before, after = hashes(tmp_path / "old"), hashes(tmp_path / "new", file, old, new)
    assert (before[0] != after[0]) == (file == "low.py")
    assert before[1] != after[1]


def test_the_hash_is_the_same_with_every_version_of_python(tmp_path):
    """An upgrade rebuilds nothing."""
    assert hashes(tmp_path)[0] == "f87a5c05f1e7"
