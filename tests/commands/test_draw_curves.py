import json

import pytest

from sppnet.commands.draw_curves import run
from sppnet.errors import SppnetError

HISTORY = """epoch,lr,train_loss,train_error,images_per_second,size,validation_error
1,0.01,2.0,0.8,300,112,0.7
2,0.01,1.0,0.5,400,90,0.4
"""


def test_figures_are_written(tmp_path):
    history = tmp_path / "history.csv"
    history.write_text(HISTORY)
    variants = [
        json.dumps({"name": name, "files": [str(history)]}) for name in ("a way", "another")
    ]
    run(variants, tmp_path / "out/a.png", tmp_path / "out/a.svg")
    assert (tmp_path / "out/a.png").read_bytes()[:4] == b"\x89PNG"
    assert "a way" in (tmp_path / "out/a.svg").read_text()


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "a"}', '{"name": "a", "files": 3}'])
def test_broken_variants_are_named(tmp_path, text):
    with pytest.raises(SppnetError, match="--variant"):
        run([text], tmp_path / "a.png", tmp_path / "a.svg")
