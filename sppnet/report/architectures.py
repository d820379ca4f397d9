"""Table 1 of the paper: the layers of each backbone and the sizes of their maps."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from sppnet.errors import SppnetError
from sppnet.models.backbones import LocalResponseNorm, build_backbone, map_shape

TABLE1 = Path(__file__).with_name("table1.csv")
PAPER_INPUT = 224  # pixels; the map sizes of Table 1 hold only for this input
AFTER, BEFORE = "after pooling", "before pooling"


@dataclass(frozen=True)
class PaperSize:
    """A map size of Table 1.

    Attributes:
        row: heading of its row.
        side: cells along one side of the map.
        counted: "after pooling" or "before pooling"; the paper counts in both ways.
        origin: where the size was read.
    """

    row: str
    side: int
    counted: str
    origin: str


@dataclass(frozen=True)
class Stage:
    """A convolution and the layers up to the next convolution, read off the built backbone.

    Attributes:
        filters: number of output channels.
        kernel: side in cells.
        stride: in cells.
        padding: in cells.
        then: "LRN" and poolings, in order.
        before: cells along one side of the map before pooling.
        after: the same at the end of the stage; equals `before` without a pooling.
        paper: the size in Table 1, if it has one.
    """

    filters: int
    kernel: int
    stride: int
    padding: int
    then: tuple[str, ...]
    before: int
    after: int
    paper: PaperSize | None = None

    @property
    def side(self) -> int:
        """Cells along one side of the map, counted as in the paper; otherwise after pooling."""
        return self.before if self.paper and self.paper.counted == BEFORE else self.after

    @property
    def met(self) -> bool | None:
        """Whether the map has the paper's size; None where the paper gives none."""
        return None if self.paper is None else self.side == self.paper.side

    @property
    def text(self) -> str:
        """The cell of the table: layer | what follows | map."""
        steps = [", ".join(self.then)] if self.then else []
        first = f"{self.filters} x {_window(self.kernel, self.stride)}"
        return " | ".join([first, *steps, f"map {self.side}x{self.side}"])


Stages = Mapping[str, Sequence[Stage]]


def read_table1() -> dict[tuple[str, str], PaperSize]:
    """The map sizes of Table 1 by (backbone, stage); stages are named conv1, conv2 and so on."""
    with TABLE1.open(newline="", encoding="utf-8") as file:
        return {
            (line["backbone"], line["stage"]): PaperSize(
                line["row"], int(line["map"]), line["counted"], line["origin"]
            )
            for line in csv.DictReader(file)
        }


def measured_stages(backbone: str, input_size: int) -> list[Stage]:
    """Stages of a backbone at width 1, read off its layers without computing any values.

    Args:
        backbone: a name for `build_backbone`; its layers must form a chain.
        input_size: side of the square image in pixels.

    Returns:
        The stages in order, with the paper's sizes only at the paper's input size.

    Raises:
        SppnetError: the backbone is unknown or has branches, or the image is too small.

    Source: paper Table 1.
    """
    layers = build_backbone(backbone, 1).to("meta")
    map_shape(layers, input_size, input_size)
    maps, stages = torch.empty(1, 3, input_size, input_size, device="meta"), list[Stage]()
    for layer in layers:
        maps = layer(maps)
        if isinstance(layer, nn.Conv2d):
            stages.append(_stage(layer, maps))
        elif isinstance(layer, nn.MaxPool2d | LocalResponseNorm) and stages:
            stages[-1] = _continued(stages[-1], layer, maps)
        elif not isinstance(layer, nn.ReLU):
            raise SppnetError(
                f"--backbones: {backbone} has a {type(layer).__name__}; Table 1 shows only "
                "chains of convolution, ReLU, normalisation and pooling; leave it out"
            )
    paper = read_table1() if input_size == PAPER_INPUT else {}
    return [
        replace(stage, paper=paper.get((backbone, _name(index))))
        for index, stage in enumerate(stages)
    ]


def _stage(layer: nn.Conv2d, maps: Tensor) -> Stage:
    side = maps.shape[-1]
    padding = cast(tuple[int, int], layer.padding)
    return Stage(
        layer.out_channels, layer.kernel_size[0], layer.stride[0], padding[0], (), side, side
    )


def _continued(stage: Stage, layer: nn.Module, maps: Tensor) -> Stage:
    if isinstance(layer, nn.MaxPool2d):
        step = f"pool {_window(cast(int, layer.kernel_size), cast(int, layer.stride))}"
        return replace(stage, then=(*stage.then, step), after=maps.shape[-1])
    return replace(stage, then=(*stage.then, "LRN"))


def _window(kernel: int, stride: int) -> str:
    """A kernel as in Table 1, which omits a stride of 1."""
    return f"{kernel}x{kernel}" + (f", str {stride}" if stride != 1 else "")


def _name(index: int) -> str:
    return f"conv{index + 1}"


def table1_lines(stages: Stages) -> list[list[str]]:
    """The table as in the paper: a line of headings, then one line per row with a cell per stage.

    Backbones that share a row in the paper (Overfeat-5/7) share it here; a stage that only some
    of them have names them.

    Args:
        stages: from `measured_stages`, by backbone in table order.
    """
    columns = range(max(len(chain) for chain in stages.values()))
    rows: dict[str, dict[str, Sequence[Stage]]] = {}
    for backbone, chain in stages.items():
        paper = chain[0].paper
        rows.setdefault(paper.row if paper else backbone, {})[backbone] = chain
    lines = [["", *(_name(index) for index in columns)]]
    return lines + [
        [title, *(_cell(row, index) for index in columns)] for title, row in rows.items()
    ]


def _cell(row: Stages, index: int) -> str:
    built = {name: stages[index] for name, stages in row.items() if index < len(stages)}
    text = " or ".join(dict.fromkeys(stage.text for stage in built.values()))
    return text + (f" ({', '.join(built)} only)" if 0 < len(built) < len(row) else "") or "-"


def stacked(lines: Sequence[Sequence[str]]) -> list[list[str]]:
    """The table for a terminal, with the parts of a cell below each other as in the paper."""
    stacked_lines: list[list[str]] = []
    for line in lines:
        parts = [text.split(" | ") for text in line]
        height = max(len(part) for part in parts)
        stacked_lines += [
            [part[row] if row < len(part) else "" for part in parts] for row in range(height)
        ]
    return stacked_lines


def unmet(stages: Stages) -> list[str]:
    """One line for each stage whose map size differs from the paper's."""
    return [
        f"{backbone} {_name(index)}: map {stage.side}x{stage.side} {stage.paper.counted}, "
        f"the paper prints {stage.paper.side}x{stage.paper.side}"
        for backbone, chain in stages.items()
        for index, stage in enumerate(chain)
        if stage.paper and not stage.met
    ]


def table1_metadata(stages: Stages, input_size: int) -> dict[str, Any]:
    """The JSON metadata: every stage with both map sizes, the paper's, and whether they agree."""
    return {
        "input_size": input_size,
        "backbones": {
            backbone: {_name(index): _stage_metadata(stage) for index, stage in enumerate(chain)}
            for backbone, chain in stages.items()
        },
    }


def metadata_lines(metadata: Mapping[str, Any]) -> list[list[str]]:
    """The table that belongs to JSON metadata; see `table1_lines` and `table1_metadata`."""
    paper = read_table1() if metadata["input_size"] == PAPER_INPUT else {}
    return table1_lines(
        {
            backbone: [
                _metadata_stage(fields, paper.get((backbone, name)))
                for name, fields in stages.items()
            ]
            for backbone, stages in metadata["backbones"].items()
        }
    )


def _metadata_stage(fields: Mapping[str, Any], paper: PaperSize | None) -> Stage:
    return Stage(
        filters=fields["filters"],
        kernel=fields["kernel"],
        stride=fields["stride"],
        padding=fields["padding"],
        then=tuple(fields["then"]),
        before=fields["map_before_pooling"],
        after=fields["map_after_pooling"],
        paper=paper,
    )


def _stage_metadata(stage: Stage) -> dict[str, Any]:
    values = asdict(stage)
    del values["paper"], values["before"], values["after"]
    values |= {"map_before_pooling": stage.before, "map_after_pooling": stage.after}
    if stage.paper is None:
        return values
    paper = {"paper": stage.paper.side, "paper_counted": stage.paper.counted}
    return {**values, **paper, "paper_origin": stage.paper.origin, "met": stage.met}
