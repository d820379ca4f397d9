from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from sppnet.classify import multi_view
from sppnet.classify.multi_view import MultiViewClassifier, score_files, score_images
from sppnet.classify.settings import ViewSet
from sppnet.classify.top_k_error import centre_scores
from sppnet.data.images import resize_shorter_side
from sppnet.data.manifest import ImageRecord
from sppnet.data.store import file_sha256
from sppnet.errors import SppnetError
from sppnet.geometry.pyramid import pyramid_pool
from sppnet.models.network import Architecture, Network, build_network
from sppnet.models.preprocessing import normalise

ARCHITECTURE = Architecture(
    backbone="zf5",
    width=0.05,
    levels=(2, 1),
    fc=12,
    classes=("a", "b", "c"),
    mean=(128.0, 120.0, 110.0),
    std=60.0,
    channel_order="RGB",
)
TEN = ViewSet(source="crops", scales=(72,), window=64, positions=5, mirrored=True, full=None)


def network(padding: bool = True) -> Network:
    made = build_network(
        ARCHITECTURE, initialisation="he", generator=torch.Generator().manual_seed(0)
    )
    with torch.no_grad():
        made.fc8.weight.mul_(30)  # scores that differ visibly
    if not padding:
        backbone = nn.Sequential(
            nn.Conv2d(3, 12, 5, stride=2), nn.ReLU(), nn.MaxPool2d(2, 2), nn.Conv2d(12, 12, 3)
        )
        for module in backbone:
            if isinstance(module, nn.Conv2d):
                generator = torch.Generator().manual_seed(1)
                nn.init.normal_(module.weight, std=0.1, generator=generator)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        made.backbone = backbone
        made.fc6 = nn.Linear(12 * 5, 12)
        nn.init.normal_(made.fc6.weight, std=0.2, generator=torch.Generator().manual_seed(2))
        nn.init.zeros_(made.fc6.bias)
    return made.eval()


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    rough = generator.integers(0, 256, (height // 8, width // 8, 3)).astype(np.uint8)
    return np.kron(rough, np.ones((8, 8, 1), np.uint8))


def ten_crops(image: np.ndarray, side: int) -> Tensor:
    """Centre and corners of an image, and their mirror images: uint8 (10, side, side, 3)."""
    bottom, right = image.shape[0] - side, image.shape[1] - side
    corners = [(bottom // 2, right // 2), (0, 0), (0, right), (bottom, 0), (bottom, right)]
    crops = [image[top : top + side, left : left + side] for top, left in corners]
    return torch.from_numpy(np.stack([*crops, *(crop[:, ::-1] for crop in crops)]))


def test_one_crop_equals_the_test_of_pretraining() -> None:
    net = network()
    images = [resize_shorter_side(picture(96, 128, seed), 72) for seed in range(3)]
    one = TEN.model_copy(update={"positions": 1, "mirrored": False})
    found = score_images(MultiViewClassifier(net, one), images)
    torch.testing.assert_close(found.scores, centre_scores(net, images, crop=64))


def test_ten_crops_are_the_centre_the_corners_and_their_mirror_images() -> None:
    net = network()
    images = [resize_shorter_side(picture(96, 128, seed), 72) for seed in range(3)]
    found = score_images(MultiViewClassifier(net, TEN), images)
    assert found.views == (10, 10, 10)
    with torch.inference_mode():
        batches = [normalise(ten_crops(image, 64), ARCHITECTURE) for image in images]
        expected = torch.stack([net(batch).softmax(dim=1).mean(dim=0) for batch in batches])
    torch.testing.assert_close(found.scores, expected)


def test_finished_parts_keep_scores_to_the_last_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multi_view, "IMAGES_PER_PART", 2)
    images = [picture(96, 128, seed) for seed in range(5)]
    records = []
    for number, image in enumerate(images):
        path = tmp_path / f"{number}.png"
        Image.fromarray(image).save(path)
        place = (path.name, str(path), 128, 96, file_sha256(path))
        records.append(ImageRecord("classification", "val", *place))
    classifier = MultiViewClassifier(network(), TEN)
    first = score_files(classifier, records, tmp_path)
    assert torch.equal(first.scores, score_images(classifier, images).scores)
    (tmp_path / "part-00000002.safetensors").unlink()
    again = score_files(classifier, records, tmp_path)
    assert torch.equal(again.scores, first.scores) and again.views == first.views == (10,) * 5


def test_map_views_equal_crops_without_padding() -> None:
    """All windows start at multiples of the stride: 4 px, image 72 x 88, views of 64 px."""
    net = network(padding=False)
    image = picture(72, 88)
    maps = TEN.model_copy(update={"source": "maps", "positions": 9})
    crops = maps.model_copy(update={"source": "crops"})
    on_maps, views = MultiViewClassifier(net, maps).scores(image)
    on_crops, _ = MultiViewClassifier(net, crops).scores(image)
    assert views == 18
    torch.testing.assert_close(on_maps, on_crops, rtol=1e-5, atol=1e-6)
    one = TEN.model_copy(update={"positions": 1, "mirrored": False})
    assert not torch.allclose(MultiViewClassifier(net, one).scores(image)[0], on_crops, atol=1e-4)


def test_the_whole_image_is_pooled_from_its_whole_map() -> None:
    net = network()
    image = picture(80, 120)
    views = ViewSet(source="maps", scales=(), window=64, positions=1, mirrored=False, full=72)
    found, count = MultiViewClassifier(net, views).scores(image)
    resized = resize_shorter_side(image, 72)
    pixels = (torch.from_numpy(resized).float() - torch.tensor(ARCHITECTURE.mean)) / 60
    with torch.inference_mode():
        maps = net.maps(pixels.permute(2, 0, 1)[None])
        expected = net.head(pyramid_pool(maps, ARCHITECTURE.levels)).softmax(1)[0]
    assert count == 1
    torch.testing.assert_close(found, expected)


def test_scores_are_the_mean_over_all_views_of_all_scales() -> None:
    net = network()
    image = picture(96, 128)
    parts = [
        ViewSet(source="maps", scales=(64,), window=64, positions=9, mirrored=True, full=None),
        ViewSet(source="maps", scales=(72,), window=64, positions=9, mirrored=True, full=None),
        ViewSet(source="maps", scales=(), window=64, positions=1, mirrored=True, full=80),
    ]
    total, count = torch.zeros(3), 0
    for part in parts:
        scores, views = MultiViewClassifier(net, part).scores(image)
        total, count = total + scores * views, count + views
    both = ViewSet(source="maps", scales=(64, 72), window=64, positions=9, mirrored=True, full=80)
    found, views = MultiViewClassifier(net, both).scores(image)
    assert views == count == 6 + 18 + 2
    torch.testing.assert_close(found, total / count)


def test_one_backbone_pass_per_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network()
    passes: list[tuple[int, ...]] = []
    maps = Network.maps

    def counted(self: Network, images: Tensor) -> Tensor:
        passes.append(tuple(images.shape))
        return maps(self, images)

    monkeypatch.setattr(Network, "maps", counted)
    views = ViewSet(source="maps", scales=(64, 72), window=64, positions=9, mirrored=True, full=72)
    MultiViewClassifier(net, views).scores(picture(96, 128))
    assert passes == [(2, 3, 64, 85), (2, 3, 72, 96)]


@pytest.mark.parametrize(
    ("views", "words"),
    [
        (
            ViewSet(source="maps", scales=(64,), window=4, positions=1, mirrored=False, full=None),
            "too few",
        ),
        (
            ViewSet(source="maps", scales=(), window=64, positions=1, mirrored=False, full=8),
            "8 x 8 pixels are too few",
        ),
    ],
)
def test_views_that_are_too_small_are_refused(views: ViewSet, words: str) -> None:
    with pytest.raises(SppnetError, match=words):
        MultiViewClassifier(network(), views)
