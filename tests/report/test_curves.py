import numpy as np
import pandas as pd
import pytest

from sppnet.errors import SppnetError
from sppnet.report import curves
from sppnet.report.curves import draw_curves, read_history


def history(error, sizes=(224,), epochs=6):
    return pd.DataFrame(
        {
            "epoch": np.arange(1, epochs + 1),
            "train_error": error,
            "validation_error": error + np.linspace(0.2, 0.0, epochs),
            "size": np.resize(sizes, epochs),
        }
    )


def svg(tmp_path, variants, name="a.svg"):
    path = tmp_path / name
    draw_curves([path], variants)
    return path.read_text()


def lines_of(text, colour):
    """Curves of a colour: paths, markers of sizes left out."""
    return [part for part in text.split("<path ") if f"stroke: {colour}" in part and "L " in part]


def test_a_thin_line_per_seed_and_a_thick_mean(tmp_path):
    text = svg(tmp_path, {"SPP": [history(0.3), history(0.4), history(0.5)]})
    widths = [part.split("stroke-width: ")[1][:3] for part in lines_of(text, "#0072b2")]
    # two panels with three seeds and a mean each, and the line of the legend
    assert widths.count("0.6") == 6 and widths.count("1.6") == 3
    alone = lines_of(svg(tmp_path, {"SPP": [history(0.3)]}), "#0072b2")
    assert len(alone) == 3


def test_training_errors_are_left_and_validation_errors_right_in_per_cent(tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr(curves, "save_figure", lambda figure, paths: kept.append(figure))
    seeds = [history(0.3), history(0.5)]
    draw_curves([tmp_path / "a.png"], {"SPP": seeds})
    for axis, title, column in zip(
        kept[0].axes,
        ("training", "validation, centre crop"),
        ("train_error", "validation_error"),
        strict=True,
    ):
        assert axis.get_title() == title
        *single, mean = [line.get_ydata() for line in axis.lines]
        errors = 100 * np.array([each[column] for each in seeds])
        assert np.array(single) == pytest.approx(errors)
        assert mean == pytest.approx(errors.mean(axis=0))


def test_sizes_are_shown_where_they_change(tmp_path):
    flat = svg(tmp_path, {"one": [history(0.3)]})
    assert "size (px)" not in flat
    text = svg(tmp_path, {"one": [history(0.3)], "two": [history(0.3, (224, 180))]})
    assert "size (px)" in text


def test_the_same_curves_give_the_same_bytes(tmp_path):
    variants = {"a": [history(0.3), history(0.4)], "b": [history(0.2, (224, 180))]}
    for kind in ("png", "svg"):
        for name in "xy":
            draw_curves([tmp_path / f"{name}.{kind}"], variants)
        assert (tmp_path / f"x.{kind}").read_bytes() == (tmp_path / f"y.{kind}").read_bytes()


def test_unlike_histories_are_refused(tmp_path):
    with pytest.raises(SppnetError, match="differ in their epochs"):
        svg(tmp_path, {"a": [history(0.3), history(0.3, epochs=5)]})
    for variants in ({}, {"a": []}):
        with pytest.raises(SppnetError, match="no histories"):
            svg(tmp_path, variants)
    with pytest.raises(SppnetError, match=r"\.png or \.svg"):
        draw_curves([tmp_path / "a.pdf"], {"a": [history(0.3)]})


def test_histories_are_checked(tmp_path):
    path = tmp_path / "history.csv"
    history(0.3).to_csv(path, index=False)
    assert len(read_history(path)) == 6
    history(0.3).drop(columns="size").to_csv(path, index=False)
    with pytest.raises(SppnetError, match="'size'"):
        read_history(path)
    history(0.3).head(0).to_csv(path, index=False)
    with pytest.raises(SppnetError, match="no epochs"):
        read_history(path)
    path.write_text("")
    with pytest.raises(SppnetError, match="cannot be read"):
        read_history(path)
