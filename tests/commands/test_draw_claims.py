import json

import pytest

from sppnet.cli import run
from sppnet.commands import draw_claims
from sppnet.errors import SppnetError


def test_the_claims_of_the_file_are_drawn_into_both_files(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(draw_claims, "draw_forest", lambda rows, paths: seen.append((rows, paths)))
    (tmp_path / "claims.json").write_text(json.dumps({"claims": [{"claim": "spp_zf5"}]}))
    png, svg = tmp_path / "claims.png", tmp_path / "claims.svg"
    words = f"--claims {tmp_path}/claims.json --png {png} --svg {svg}"
    run(["draw-claims", *words.split()])
    assert seen == [([{"claim": "spp_zf5"}], [png, svg])]


def test_a_file_without_claims_is_named(tmp_path):
    (tmp_path / "claims.json").write_text("{}")
    words = f"--claims {tmp_path}/claims.json --png {tmp_path}/a.png --svg {tmp_path}/a.svg"
    with pytest.raises(SppnetError, match=r"claims\.json"):
        run(["draw-claims", *words.split()])
