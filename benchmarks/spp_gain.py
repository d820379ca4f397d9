"""What images must hold for spatial pyramid pooling to matter: its gain by what varies in them.

python benchmarks/spp_gain.py FOLDER [FIGURE]     restartable

Deformation, place, scale and clutter of the objects vary one at a time about the set of
config/mini.yaml. A gain is the error of ZF-5 without SPP minus that with a 50-bin pyramid, both
trained at one size on the same images. Writes spp_gain.md.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from figures import write_figures
from recipes import FEW, VARIANTS, ZF5, draw, keep_memory, train

IMAGES = (4000, 2000)
EPOCHS = 8
SEEDS = (1, 2)
BASE = {"deformation": "0.5", "spread": "1", "object-sides": "0.55 0.95", "clutter": "0.5"}
# Values of what varies, from none upwards, with a word for the axis of the figure.
FACTORS = {
    "deformation": {"0": "0", "0.5": "0.5", "1": "1"},
    "spread": {"0": "0", "0.5": "0.5", "1": "1"},
    "object-sides": {"0.75 0.75": "0.75", "0.55 0.95": "0.55-0.95", "0.35 0.95": "0.35-0.95"},
    "clutter": {"0": "0", "0.5": "0.5", "1": "1"},
}
TITLE = "The gain of spatial pyramid pooling by what varies in the images"
NOTES = [
    f"ZF-5 at an eighth of its width, {IMAGES[0]} generated images of 24 classes, {IMAGES[1]} test "
    f"images, {EPOCHS} epochs, {len(SEEDS)} networks for each number. Deformation, spread of the "
    "places and clutter go from 0 (none) to 1; scale is the object's longer side over the image's "
    "shorter side. What is not varied has the value of config/mini.yaml. The standard error covers "
    "networks and test images, as if the two variants erred independently.",
]
TITLES = {
    "deformation": "deformation",
    "spread": "place",
    "object-sides": "scale (object / image)",
    "clutter": "clutter",
}


@dataclass(frozen=True)
class Gain:
    """Errors of both variants on one set, one per seed, of 1."""

    plain: list[float]
    pyramid: list[float]

    @property
    def value(self) -> float:
        """Gain in percentage points."""
        return 100 * float(np.mean(self.plain) - np.mean(self.pyramid))

    @property
    def standard_error(self) -> float:
        """Over test images, as if both variants erred independently, and over networks; points."""
        variance = 0.0
        for errors in (self.plain, self.pyramid):
            error = float(np.mean(errors))
            variance += error * (1 - error) / IMAGES[1] + float(np.var(errors, ddof=1)) / len(
                errors
            )
        return 100 * variance**0.5


def gain_on(folder: Path, settings: dict[str, str]) -> Gain:
    """Draw a set and train both variants on it, once per seed."""
    options = " ".join(f"--{name} {value}" for name, value in settings.items())
    name = "_".join(value.replace(" ", "-") for value in settings.values())
    manifest = draw(folder / name, f"--aspects 1 1.25 {options}", images=IMAGES)
    errors = {
        variant: [
            train(
                folder / name / f"{variant}_{seed}",
                manifest,
                f"{ZF5} {VARIANTS[variant]} {FEW} --epochs {EPOCHS}",
                seed=seed,
            )
            for seed in SEEDS
        ]
        for variant in ("no_spp", "spp_single")
    }
    return Gain(errors["no_spp"], errors["spp_single"])


def gains(folder: Path) -> list[dict[str, str | float]]:
    """A row per factor and value: errors and gain in percentage points."""
    rows = []
    for factor, values in FACTORS.items():
        for value, label in values.items():
            gain = gain_on(folder, BASE | {factor: value})
            rows.append(
                {
                    "varied": factor,
                    "value": label,
                    "no SPP": 100 * float(np.mean(gain.plain)),
                    "SPP": 100 * float(np.mean(gain.pyramid)),
                    "gain": gain.value,
                    "standard error": gain.standard_error,
                }
            )
    return rows


def figure(rows: pd.DataFrame, path: Path) -> None:
    """The gain with its 95 % interval, a panel per factor."""
    canvas, panels = plt.subplots(
        1, len(FACTORS), figsize=(10, 2.8), sharey=True, layout="constrained"
    )
    for panel, (factor, part) in zip(panels, rows.groupby("varied", sort=False), strict=True):
        places = range(len(part))
        panel.axhline(0, color="0.6", linewidth=0.8)
        panel.errorbar(places, part["gain"], 1.96 * part["standard error"], fmt="o-", capsize=3)
        panel.set_xticks(places, part["value"])
        panel.set_xlabel(TITLES[str(factor)])
    panels[0].set_ylabel("gain of SPP\n(points of top-1 error)")
    canvas.savefig(path, dpi=120)


def main() -> None:
    """Train what is missing, then write the table and draw the figure."""
    keep_memory()
    rows = gains(Path(sys.argv[1]))
    if len(sys.argv) > 2:
        figure(pd.DataFrame(rows), Path(sys.argv[2]))
    write_figures(__file__, TITLE, {"Top-1 error of the centre crop, points": rows}, NOTES)


if __name__ == "__main__":
    main()
