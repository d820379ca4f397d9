import json

import pytest

from sppnet.cli import run
from sppnet.errors import SppnetError

HISTORY = """epoch,lr,train_loss,train_error,images_per_second,size,validation_error
1,0.01,2.0,0.8,300,112,0.7
2,0.01,1.0,0.5,400,90,0.4
"""


def draw(folder, text):
    """Write the request and run the command."""
    (folder / "curves.json").write_text(text)
    words = f"--curves {folder}/curves.json --png {folder}/out/a.png --svg {folder}/out/a.svg"
    run(["draw-curves", *words.split()])


def test_figures_are_written(tmp_path):
    history = tmp_path / "history.csv"
    history.write_text(HISTORY)
    variants = [{"name": name, "files": [str(history)]} for name in ("one size", "two sizes")]
    draw(tmp_path, json.dumps({"variants": variants}))
    assert (tmp_path / "out/a.png").read_bytes()[:4] == b"\x89PNG"
    assert "two sizes" in (tmp_path / "out/a.svg").read_text()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("{", "invalid json"),
        ("[]", "input should be an object"),
        ('{"variants": []}', "variants: "),
        ('{"variants": [{"name": "a"}]}', "variants.0.files: "),
        ('{"variants": [{"name": "a", "files": []}]}', "variants.0.files: "),
    ],
)
def test_what_are_no_curves_is_named(tmp_path, text, key):
    with pytest.raises(SppnetError, match=rf"curves\.json: {key}") as error:
        draw(tmp_path, text)
    assert "\n" not in str(error.value)
