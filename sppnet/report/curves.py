"""Learning curves: training and validation errors per epoch."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from sppnet.errors import SppnetError
from sppnet.report.plotting import COLOURS, MARKERS, STYLE, new_figure, save_figure

HISTORY_COLUMNS = ("epoch", "train_error", "validation_error", "size")


def read_history(path: Path) -> pd.DataFrame:
    """The learning curve of a network, with one row per epoch.

    Raises:
        SppnetError: the file is missing, empty or lacks a column.
    """
    try:
        history = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise SppnetError(f"{path}: cannot be read ({error}); run pretrain again") from None
    missing = [name for name in HISTORY_COLUMNS if name not in history]
    if missing or history.empty:
        problem = f"no column {missing[0]!r}" if missing else "no epochs"
        raise SppnetError(f"{path}: {problem}; run pretrain again")
    return history


def draw_curves(paths: Sequence[Path], variants: Mapping[str, Sequence[pd.DataFrame]]) -> None:
    """Draw errors per epoch: a thin line per seed and their mean on top, training on the left.

    A panel below shows the image size per epoch of the training variants that change it.

    Args:
        paths: files to write, PNG or SVG by their suffix.
        variants: histories of each training variant, one per seed.

    Raises:
        SppnetError: there is nothing to draw, or histories of one variant differ in their epochs.
    """
    if not variants or not all(variants.values()):
        raise SppnetError("--curves: no histories to draw; give at least one per training variant")
    changing = {
        name: histories[0]
        for name, histories in variants.items()
        if histories[0]["size"].nunique() > 1
    }
    with matplotlib.rc_context(STYLE):
        figure = new_figure(3.6 if changing else 2.7)
        rows = figure.add_gridspec(
            2 if changing else 1, 2, height_ratios=[3, 1][: 1 + bool(changing)]
        )
        train = figure.add_subplot(rows[0, 0])
        validation = figure.add_subplot(rows[0, 1], sharex=train, sharey=train)
        for index, (name, histories) in enumerate(variants.items()):
            _curve(train, name, histories, "train_error", index)
            _curve(validation, name, histories, "validation_error", index)
        train.set(title="training", ylabel="top-1 error (%)")
        validation.set(title="validation, centre crop")
        validation.legend(frameon=False)
        bottom = [train, validation]
        if changing:
            axis = figure.add_subplot(rows[1, :])
            _sizes(axis, changing, list(variants))
            bottom = [axis]
        for axis in bottom:
            axis.set_xlabel("epoch")
        train.xaxis.set_major_locator(MaxNLocator(integer=True))
        train.set_ylim(bottom=0)
        save_figure(figure, paths)


def _curve(
    axis: Axes, name: str, histories: Sequence[pd.DataFrame], column: str, index: int
) -> None:
    epochs = histories[0]["epoch"].to_numpy()
    if any(list(history["epoch"]) != list(epochs) for history in histories):
        raise SppnetError(
            f"--curves {name}: histories differ in their epochs; train all seeds alike"
        )
    errors = 100 * np.stack([history[column].to_numpy(np.float64) for history in histories])
    colour = COLOURS[index % len(COLOURS)]
    if len(errors) > 1:
        axis.plot(epochs, errors.T, color=colour, linewidth=0.6, alpha=0.5)
    axis.plot(epochs, errors.mean(axis=0), color=colour, linewidth=1.6, label=name)


def _sizes(axis: Axes, changing: Mapping[str, pd.DataFrame], names: Sequence[str]) -> None:
    """Side of the training images by epoch, for the first seed of each training variant."""
    for name, history in changing.items():
        index = names.index(name)
        axis.plot(
            history["epoch"],
            history["size"],
            linestyle="none",
            marker=MARKERS[index % len(MARKERS)],
            markersize=3.5,
            color=COLOURS[index % len(COLOURS)],
            label=name,
        )
    axis.set_ylabel("size (px)")
    axis.margins(y=0.25)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.yaxis.set_major_locator(MaxNLocator(4, integer=True))
