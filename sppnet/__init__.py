"""SPP-net (He, Zhang, Ren, Sun, 2014): spatial pyramid pooling, rebuilt table by table.

The names below load on first use, so that `import sppnet` does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sppnet.detect.average_precision import voc_average_precision as voc_average_precision
    from sppnet.geometry.boxes import non_maximum_suppression as non_maximum_suppression
    from sppnet.geometry.projection import choose_scale as choose_scale
    from sppnet.geometry.projection import project_windows as project_windows
    from sppnet.geometry.pyramid import SpatialPyramidPooling as SpatialPyramidPooling
    from sppnet.geometry.pyramid import pool_windows as pool_windows
    from sppnet.geometry.receptive_field import map_geometry as map_geometry

_HOMES = {
    "SpatialPyramidPooling": "sppnet.geometry.pyramid",
    "pool_windows": "sppnet.geometry.pyramid",
    "map_geometry": "sppnet.geometry.receptive_field",
    "project_windows": "sppnet.geometry.projection",
    "choose_scale": "sppnet.geometry.projection",
    "voc_average_precision": "sppnet.detect.average_precision",
    "non_maximum_suppression": "sppnet.geometry.boxes",
}
__all__ = [
    "SpatialPyramidPooling",
    "choose_scale",
    "map_geometry",
    "non_maximum_suppression",
    "pool_windows",
    "project_windows",
    "voc_average_precision",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'sppnet' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
