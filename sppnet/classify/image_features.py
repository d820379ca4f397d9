"""Features of whole images at every layer of a network, stored on disk.

Layers have the names of a network with five convolutions, whatever the actual number: conv4 and
conv5 are the last two convolutions, pool is the 6 x 6 level on conv5, spp the whole pyramid, and
fc6 and fc7 are the fully connected layers.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sppnet.classify.settings import ImageView
from sppnet.data.images import read_listed, resize, resize_shorter_side
from sppnet.data.manifest import ImageRecord
from sppnet.data.store import ArrayStore, read_json, write_json
from sppnet.errors import SppnetError
from sppnet.geometry.pyramid import pyramid_pool
from sppnet.geometry.views import five_positions
from sppnet.models.backbones import map_shape
from sppnet.models.half_precision import FeatureWriter
from sppnet.models.network import Network
from sppnet.models.preprocessing import normalise
from sppnet.progress import track

POOL_LEVELS = (6,)  # pooling of a network without a pyramid
POOLING = (nn.MaxPool2d, nn.AvgPool2d)


def present(image: np.ndarray, view: ImageView) -> np.ndarray:
    """Resize and crop an image to its view: uint8 `(H, W, 3)` to uint8 `(H', W', 3)`.

    Raises:
        SppnetError: the crop is larger than the resized image.

    Source: paper §3.2 (crop, full image); paper §3.3 (warped image).
    """
    if view.input == "warp":
        return resize(image, view.size, view.size)
    image = resize_shorter_side(image, view.size)
    if view.crop is None:
        return image
    x1, y1, x2, y2 = five_positions(image.shape[0], image.shape[1], view.crop)[0].tolist()
    return image[y1:y2, x1:x2]


def layer_names(network: Network) -> dict[str, str]:
    """The name of every layer in the network: conv7 for conv5 if it has seven convolutions.

    Returns:
        Names by layer, in the order of the layers; without spp if the pyramid has only the
        6 x 6 level.
    """
    stages = _stages(network.backbone)
    count = len(stages)
    kinds = ["fire" if hasattr(network.backbone[i], "squeeze") else "conv" for i in stages[-2:]]
    names = {
        "conv4": f"{kinds[0]}{count - 1}",
        "conv5": f"{kinds[1]}{count}",
        "pool": f"pool{count}",
        "spp": f"SPP pool{count}",
        "fc6": f"fc{count + 1}",
        "fc7": f"fc{count + 2}",
    }
    if network.architecture.levels == POOL_LEVELS:
        del names["spp"]
    return names


def _stages(backbone: nn.Sequential) -> list[int]:
    """Indices of the modules of a backbone that contain convolutions.

    Raises:
        SppnetError: there are fewer than two.
    """
    stages = [
        index
        for index, part in enumerate(backbone)
        if any(isinstance(module, nn.Conv2d) for module in part.modules())
    ]
    if len(stages) < 2:
        raise SppnetError(f"backbone: {len(stages)} convolutions; features require two or more")
    return stages


def _after_conv4(backbone: nn.Sequential) -> int:
    """Number of modules up to the second last convolution, with its ReLU, without pooling."""
    _, conv4, conv5 = [-1, *_stages(backbone)][-3:]
    index = conv4 + 1
    while index < conv5 and not isinstance(backbone[index], POOLING):
        index += 1
    return index


@torch.inference_mode()
def layer_features(network: Network, image: np.ndarray, *, maps: bool) -> dict[str, Tensor]:
    """Features of one view of an image at every layer, after ReLU.

    Args:
        network: network in evaluation mode, on the device to use.
        image: uint8 `(H, W, 3)` RGB.
        maps: include conv4 and conv5, whose lengths depend on the image size.

    Returns:
        float32 `Tensor[D]` by layer; maps are flattened in the order channel, row, column.

    Source: paper §3.2.
    """
    architecture = network.architecture
    pixels = torch.from_numpy(image)[None]
    inputs = normalise(pixels, architecture).to(network.fc6.weight.device)
    cut = _after_conv4(network.backbone)
    conv4, conv5 = network.maps_after(inputs, cut)
    pyramid = network.pool(conv5)
    features = {
        "conv4": conv4,
        "conv5": conv5,
        "pool": pyramid_pool(conv5, POOL_LEVELS),
        "spp": pyramid,
        **network.hidden(pyramid),
    }
    return {name: features[name].flatten() for name in _stored(layer_names(network), maps)}


def _stored(names: Mapping[str, str], maps: bool) -> list[str]:
    return [name for name in names if maps or name not in ("conv4", "conv5")]


def cache_image_features(
    records: Sequence[ImageRecord],
    network: Network,
    view: ImageView,
    *,
    weights: Path,
    path: Path,
    restart: Path,
) -> None:
    """Store the features of every image at every layer: key `layer/image`, float16 `(D, 1)`.

    Values outside the range of half precision are clamped and counted. conv4 and conv5 are stored
    only if the maps of all images have the same size, so not for full images. JSON metadata beside
    the file hold the view and the name of each layer in the network.

    Args:
        records: images.
        network: network in evaluation mode, on the device to use.
        view: view of each image that is the network input.
        weights: file of the network, for error messages.
        path: `.npy` file to write; the index (.parquet) and metadata (.json) are written beside it.
        restart: folder for unfinished work; a killed run resumes from it.

    Raises:
        SppnetError: an image cannot be read, is too small for the crop or the backbone, or has
            features that are NaN or infinite.

    Source: paper §3.2 (centre crop, full image; no flips, no other views); paper §3.3.
    """
    smallest = view.crop or view.size
    map_shape(
        network.backbone, smallest, smallest
    )  # raises if the image is too small for the backbone
    names = layer_names(network)
    layers = _stored(names, view.input != "full")
    with FeatureWriter(path, restart, weights, len(layers)) as writer:
        # Layers are written in order: an image is complete if its last layer is stored.
        pending = [
            record for record in records if f"{layers[-1]}/{record.image}" not in writer.done
        ]
        for record in track(pending, f"features of {view.input} images at {view.size} px"):
            image = present(read_listed(record), view)
            features = layer_features(network, image, maps=view.input != "full")
            for name in layers:
                key = f"{name}/{record.image}"
                if key not in writer.done:
                    writer.store(key, features[name][:, None])
    named_layers = [[name, names[name]] for name in layers]
    write_json(path.with_suffix(".json"), {**view.model_dump(), "layers": named_layers})


class ImageFeatures:
    """Read access to what `cache_image_features` wrote.

    Attributes:
        names: name of every layer in the network, in the order of the layers.
        view: view of each image that was the network input.

    Raises:
        SppnetError: a file is missing, damaged or of another kind.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._store = ArrayStore(self.path)
        description: dict[str, Any] = read_json(self.path.with_suffix(".json"))
        try:
            self.names: dict[str, str] = dict(description.pop("layers"))
            self.view = ImageView(**description)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SppnetError(
                f"{self.path.with_suffix('.json')}: not a description of image features ({error}); "
                "cache the features again"
            ) from None

    def vectors(self, layer: str, images: Sequence[str]) -> list[np.ndarray]:
        """Features of images at a layer: float16 `(D,)` each, read from the file on use.

        Raises:
            SppnetError: the layer or an image is missing, or its features are damaged.
        """
        return [self._store.read(f"{layer}/{image}")[:, 0] for image in images]
