"""Tables 2 to 5 and the ablations: classification errors, laid out as in the paper."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sppnet.errors import SppnetError
from sppnet.models.score_files import read_scores
from sppnet.report.paper_numbers import PaperNumber, scales_row
from sppnet.report.reference import PaperRow, PaperValue, read_paper_rows, read_reference
from sppnet.report.requests import ErrorCellRequest, ErrorTableRequest, TableName
from sppnet.report.scores import network_errors, percent, read_wrong
from sppnet.statistics.bootstrap import bootstrap_means
from sppnet.statistics.intervals import percentile_interval
from sppnet.statistics.settings import Bootstrap

HEADS: dict[str, tuple[str, ...]] = {
    "2": ("error (%)", "training"),
    "3": ("model", "train"),
    "4": ("method", "scales", "views"),
    "5": ("rank", "team"),
    "ablations": ("error (%)", "training"),
}
QUOTED_COLUMNS = {
    "4": {"top1_val": "top-1 val", "top5_val": "top-5 val", "top5_test": "top-5 test"},
    "5": {"top5_test": "top-5 test"},
}
METRICS = {"top1": 1, "top5": 5}


@dataclass(frozen=True)
class ErrorCell:
    """One number of a table.

    Attributes:
        value: mean error over the networks, %.
        n: images; None for a quoted number.
        seeds: networks.
        networks: the error of each network (see `network_errors`); the value is their mean.
        low, high: 95 % interval over images and networks.
        gain: decrease of the error from that of the first row, in percentage points.
        paper, paper_origin: the paper's number and where it was read.
        quoted: whether it is another method's number, taken from the paper.
    """

    value: float
    n: int | None = None
    seeds: int | None = None
    low: float | None = None
    high: float | None = None
    gain: float | None = None
    paper: float | None = None
    paper_origin: str | None = None
    quoted: bool = False
    networks: list[dict[str, Any]] | None = None


@dataclass(frozen=True)
class Line:
    """A line of a table: its unique key, leading texts, and cells by column."""

    key: str
    heads: tuple[str, ...]
    cells: dict[str, ErrorCell]


PaperValues = Mapping[PaperNumber, PaperValue]


def error_table(request: ErrorTableRequest, reference: Path, interval: Bootstrap) -> list[Line]:
    """All lines of a table: the paper's rows of other methods, if it has any, then ours.

    Args:
        request: the table, and our cells in its order.
        reference: the paper's numbers (.csv).
        interval: bootstrap samples behind each interval; all cells draw the same images.

    Raises:
        SppnetError: a file cannot be used, two cells have the same headings, or a cell names a
            paper number that does not exist.
    """
    table, paper = request.table, _paper_values(request.table, reference)
    lines = _quoted_lines(table, reference) if table in QUOTED_COLUMNS else []
    ours: dict[str, Line] = {}
    for cell in _by_metric(table, request.cells):
        key, heads = _heads(table, cell)
        line = ours.setdefault(key, Line(key, heads, {}))
        if cell.column in line.cells:
            raise SppnetError(f"--cells: {key}, {cell.column} is given twice; leave one out")
        line.cells[cell.column] = _measure(cell, paper, interval)
    return [*lines, *(_with_gains(list(ours.values())) if table == "2" else ours.values())]


def layout(table: TableName, lines: Sequence[Line]) -> list[list[str]]:
    """The table as text: a line of headings, then its lines; "-" where there is no number."""
    columns = [*QUOTED_COLUMNS.get(table, {}).values()]
    columns = list(dict.fromkeys([*columns, *(name for line in lines for name in line.cells)]))
    texts = [[*line.heads, *(_text(line.cells.get(name)) for name in columns)] for line in lines]
    return [[*HEADS[table], *columns], *texts]


def cell_metrics(lines: Sequence[Line]) -> dict[str, Any]:
    """The JSON metadata: every cell by column and row, with all its fields, and the headings."""
    columns: dict[str, dict[str, Any]] = {}
    for line in lines:
        for column, cell in line.cells.items():
            fields = {name: value for name, value in asdict(cell).items() if value is not None}
            columns.setdefault(column, {})[line.key] = {"unit": "%", **fields}
    return {
        "columns": columns,
        "rows": [line.key for line in lines],
        "headings": {
            "columns": {name: name for name in columns},
            "rows": {line.key: list(line.heads) for line in lines},
        },
    }


def _paper_values(table: TableName, path: Path) -> dict[PaperNumber, PaperValue]:
    if table in QUOTED_COLUMNS:
        return {
            PaperNumber(table=int(table), row=line.key, column=name): PaperValue(
                line.cells[column].value, origin
            )
            for line in _quoted_lines(table, path)
            for name, column in QUOTED_COLUMNS[table].items()
            if column in line.cells and (origin := line.cells[column].paper_origin)
        }
    # Some rows of the ablations are rows of Table 2.
    if table == "ablations":
        return read_reference(path, 2, "ablations")
    return read_reference(path, int(table))


def _quoted_lines(table: TableName, path: Path) -> list[Line]:
    rows = read_paper_rows(path, int(table))
    names = [row.name for row in rows]
    lines = []
    heads: tuple[str, ...]
    for row in rows:
        texts = row.texts
        if table == "5":
            key, heads = texts["team"], (row.name, texts["team"])
        else:
            scales = texts["scales"]
            key = scales_row(row.name, scales) if names.count(row.name) > 1 else row.name
            heads = (row.name, scales, texts.get("views", "-"))
        lines.append(Line(key, heads, _quoted_cells(row, QUOTED_COLUMNS[table])))
    return lines


def _quoted_cells(row: PaperRow, columns: Mapping[str, str]) -> dict[str, ErrorCell]:
    cells = {}
    for name, column in columns.items():
        if name in row.texts:
            value = float(row.texts[name])
            origin = row.origins[name]
            cells[column] = ErrorCell(value, paper=value, paper_origin=origin, quoted=True)
    return cells


def _by_metric(table: TableName, cells: Sequence[ErrorCellRequest]) -> list[ErrorCellRequest]:
    """The cells, with top-1 errors first in tables that have two blocks."""
    if HEADS[table][0] != "error (%)":
        return list(cells)
    return sorted(cells, key=lambda cell: METRICS[cell.metric])


def _heads(table: TableName, request: ErrorCellRequest) -> tuple[str, tuple[str, ...]]:
    """Key and leading texts of the line that a cell belongs to."""
    row = request.row
    if table == "3":
        model, bar, train = row.partition(" | ")
        if not bar:
            raise SppnetError(f"--cells: row {row!r} of Table 3 must read 'model | train'")
        return row, (model, train)
    if table == "4":
        description = read_scores(request.files[0]).description
        return row, (row, str(len(description["scales"])), f"{round(description['views'], 1):g}")
    if table == "5":
        models = read_scores(request.files[0]).description.get("models", 1)
        plural = "" if models == 1 else "s"
        team = f"{row} (this run, {models} model{plural} combined)"
        return team, ("-", team)
    return f"{row} | {request.metric}", (request.metric.replace("top", "top-"), row)


def error_interval(wrong: np.ndarray, interval: Bootstrap) -> tuple[float, float]:
    """The 95 % interval of an error, %, over images and networks.

    Args:
        wrong: bool (S, N) outcomes of S networks on N images.
        interval: the bootstrap samples behind it.
    """
    samples = bootstrap_means(
        [wrong], replicates=interval.bootstrap, seed=interval.seed, same_networks=True
    )
    low, high = percentile_interval(samples[0])
    return percent(low), percent(high)


def _measure(request: ErrorCellRequest, paper: PaperValues, interval: Bootstrap) -> ErrorCell:
    wrong, images = read_wrong(request.files, METRICS[request.metric])
    low, high = error_interval(wrong, interval)
    cell = ErrorCell(
        percent(float(wrong.mean())),
        len(images),
        len(wrong),
        low=low,
        high=high,
        networks=network_errors(request.files, wrong),
    )
    if request.paper is None:
        return cell
    if request.paper not in paper:
        row, column = request.paper.row, request.paper.column
        raise SppnetError(f"--cells: the paper has no {row!r}, {column!r}; correct it or use null")
    printed = paper[request.paper]
    return replace(cell, paper=printed.value, paper_origin=printed.origin)


def _with_gains(lines: list[Line]) -> list[Line]:
    """The lines, with the gain of each error over the first row of its block."""
    first: dict[str, Line] = {}
    lines_with_gains = []
    for line in lines:
        base = first.setdefault(line.heads[0], line)
        gains = {
            column: round(base.cells[column].value - cell.value, 4)
            for column, cell in line.cells.items()
            if base is not line and column in base.cells
        }
        cells = {
            column: replace(cell, gain=gains.get(column)) for column, cell in line.cells.items()
        }
        lines_with_gains.append(replace(line, cells=cells))
    return lines_with_gains


def _text(cell: ErrorCell | None) -> str:
    """Two decimals as in the paper, with the gain over no SPP in parentheses."""
    if cell is None:
        return "-"
    return f"{cell.value:.2f}" + ("" if cell.gain is None else f" ({cell.gain:.2f})")
