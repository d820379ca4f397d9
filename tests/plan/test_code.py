"""The hash of a module's code follows what the module and its imports do."""

import pytest

from sppnet.plan.code import code_hash


@pytest.mark.parametrize(
    ("file", "old", "new", "changes"),
    [
        ("top.py", "1 + 1", "1  +  1  # two", False),
        ("top.py", '"""Top."""', '"""Other words."""', False),
        ("top.py", "1 + 1", "1 + 2", True),
        ("low.py", "3", "4", True),
        ("other.py", "5", "6", False),
    ],
)
def test_code_hash(tmp_path, file, old, new, changes):
    hashes = []
    for number in range(2):
        package = tmp_path / str(number) / "pack"
        package.mkdir(parents=True)
        (package / "top.py").write_text('"""Top."""\nfrom pack.low import C\n\nB = 1 + 1\n')
        (package / "low.py").write_text('"""Low."""\nC = 3\n')
        (package / "other.py").write_text("D = 5\n")
        if number:
            text = (package / file).read_text()
            (package / file).write_text(text.replace(old, new))
        hashes.append(code_hash("pack.top", package.parent))
    assert (hashes[0] != hashes[1]) == changes
    # The same with every version of Python: an upgrade rebuilds nothing.
    assert hashes[0] == "48e27539a15e"
