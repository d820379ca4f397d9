"""draw-view-positions: the positions of views on an image and on its feature maps."""

from typing import Annotated

from cyclopts import Parameter

from sppnet.classify.settings import Windows
from sppnet.commands.options import Manifest, Written
from sppnet.data.images import read_listed, resize_shorter_side
from sppnet.data.manifest import read_manifest
from sppnet.geometry.receptive_field import map_geometry
from sppnet.geometry.views import map_views, view_windows
from sppnet.models.backbones import build_backbone, map_shape
from sppnet.report.view_positions import ScaleViews, draw_view_positions


def run(
    *,
    manifest: Manifest,
    backbone: Annotated[str, Parameter(help="Backbone whose feature map is drawn.")],
    views: Windows,
    output: Annotated[Written, Parameter(help="Figure (.png).")],
) -> None:
    """Draw the views of the most elongated validation image, and their cells on the map."""
    records = read_manifest(manifest, dataset="classification", split="val")
    # Views spread along the longer side only if the sides differ.
    longest = max(
        records,
        key=lambda record: max(record.width, record.height) / min(record.width, record.height),
    )
    image = read_listed(longest)
    layers = build_backbone(backbone, 1)
    stride = map_geometry(layers).stride
    cells = map_shape(layers, views.window, views.window)[1]
    scale_views = []
    for scale in views.scales:
        resized = resize_shorter_side(image, scale)
        height, width = resized.shape[:2]
        windows = view_windows(height, width, views.window, views.positions)
        map_size = map_shape(layers, height, width)[1:]
        on_map = map_views(windows, stride, map_size, cells)
        scale_views.append(ScaleViews(resized, windows.numpy(), map_size, on_map.numpy()))
    caption = (
        f"Views of {views.window} pixels at every scale, and the {cells} x {cells} cells that "
        f"stand for each on the map of {backbone}"
    )
    draw_view_positions([output], scale_views, caption)
