"""Table 9: mean average precision by layer and seconds per image, laid out as in the paper."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sppnet.errors import SppnetError
from sppnet.report.reference import PaperValue
from sppnet.report.requests import DetectionColumn
from sppnet.report.tables import Cell, Cells, Row
from sppnet.statistics.bootstrap import bootstrap_medians
from sppnet.statistics.intervals import percentile_interval
from sppnet.statistics.settings import Bootstrap

ACCURACY_ROWS = (
    Row("pool5", "pool5", "pool5", "pool5"),
    Row("fc6", "fc6", "fc6", "fc6"),
    Row("ftfc6", "ftfc6", "ftfc6", "ftfc6"),
    Row("ftfc7", "ftfc7", "ftfc7", "ftfc7"),
    Row("ftfc7_bb", "ftfc7 bb", "ftfc7bb", "ftfc7 bb"),
)
TIME_ROWS = (
    Row("conv_time", "conv time", "conv_s", "conv"),
    Row("fc_time", "fc time", "fc_s", "fc"),
    Row("total_time", "total time", "total_s", "total"),
)
SPEEDUP_ROW = Row("speedup", "speedup (vs. {})", "speedup", "")
PAPER_BASELINE = "RCNN_Alex5"  # what the paper's speedups refer to
ROWS = (*ACCURACY_ROWS, *TIME_ROWS, SPEEDUP_ROW)


def table9_cells(
    columns: Sequence[DetectionColumn],
    evaluations: Mapping[str, Mapping[str, Any]],
    timing: Mapping[str, Any],
    reference: Mapping[tuple[str, str], PaperValue],
    *,
    baseline: str,
    bootstrap: Bootstrap,
) -> Cells:
    """All cells of the table, by column name and row key.

    The intervals of times and speedups come from images drawn with replacement, the same on both
    sides of a speedup.

    Args:
        columns: in the order of the table.
        evaluations: what `evaluate` wrote, by column name; fractions become percent.
        timing: what `measure-speed` wrote, seconds per image.
        reference: the paper's numbers by (row, column).
        baseline: the column whose total time the speedups refer to.
        bootstrap: samples behind the intervals of times.

    Raises:
        SppnetError: a row or column is missing from the measurements.
    """
    cells: Cells = {}
    for column in columns:
        name = column.name
        found = {row.key: _accuracy(evaluations[name], row, name) for row in ACCURACY_ROWS}
        found |= {row.key: _time(timing, row, name, bootstrap) for row in TIME_ROWS}
        found[SPEEDUP_ROW.key] = _speedup(timing, name, baseline, bootstrap)
        comparable = ROWS if _is_paper_baseline(columns, baseline) else ROWS[:-1]
        cells[name] = found | {
            row.key: _beside(found[row.key], row, column, reference) for row in comparable
        }
    return cells


def _is_paper_baseline(columns: Sequence[DetectionColumn], baseline: str) -> bool:
    return any(each.name == baseline and each.reference == PAPER_BASELINE for each in columns)


def layout(columns: Sequence[DetectionColumn], cells: Cells, *, baseline: str) -> list[list[str]]:
    """The table as text: a line of headings, then one line per row of the paper's table."""
    lines = [["", *(column.title for column in columns)]]
    titles = {column.name: column.title for column in columns}
    for row in ROWS:
        texts = [_text(cells[column.name][row.key]) for column in columns]
        heading = row.heading
        if row is SPEEDUP_ROW:
            texts = ["-" if name == baseline else t for name, t in zip(titles, texts, strict=True)]
            # without the network, which the last parentheses of a title name
            heading = heading.format(titles[baseline].rpartition(" (")[0] or titles[baseline])
        lines.append([heading, *texts])
    return lines


def _accuracy(evaluation: Mapping[str, Any], row: Row, name: str) -> Cell:
    found = _part(evaluation, ("rows", row.source), f"evaluation of {name}")
    mean, low, high = (_percent(found.get(key)) for key in ("map", "low", "high"))
    if mean is None:
        raise SppnetError(f"evaluation of {name}: no mean average precision; evaluate it anew")
    return Cell(mean, "%", int(evaluation["images"]), low, high)


def _time(timing: Mapping[str, Any], row: Row, name: str, bootstrap: Bootstrap) -> Cell:
    each = _seconds(timing, name, row.source)
    samples = bootstrap_medians([each], replicates=bootstrap.bootstrap, seed=bootstrap.seed)[0]
    low, high = percentile_interval(samples)
    return Cell(
        _rounded(float(np.median(each))), "s", len(each), low=_rounded(low), high=_rounded(high)
    )


def _speedup(timing: Mapping[str, Any], name: str, baseline: str, bootstrap: Bootstrap) -> Cell:
    own, other = (_seconds(timing, column, "total") for column in (name, baseline))
    ratio = _rounded(float(np.median(other) / np.median(own)))
    if name == baseline:
        return Cell(ratio, "x", len(own))
    fast, slow = bootstrap_medians(
        [own, other], replicates=bootstrap.bootstrap, seed=bootstrap.seed
    )
    low, high = percentile_interval(slow / fast)
    return Cell(ratio, "x", len(own), low=_rounded(low), high=_rounded(high))


def _seconds(timing: Mapping[str, Any], name: str, part: str) -> np.ndarray:
    """Seconds of each image (N,)."""
    found = _part(timing, ("columns", name, part, "each"), "timing")
    return np.asarray(found, np.float64)


def _beside(
    cell: Cell, row: Row, column: DetectionColumn, reference: Mapping[tuple[str, str], PaperValue]
) -> Cell:
    """The cell with the paper's number."""
    paper = column.reference and reference.get((row.reference, column.reference))
    if not paper:
        return cell
    return Cell(cell.value, cell.unit, cell.n, cell.low, cell.high, paper.value, paper.origin)


def _part(measured: Mapping[str, Any], keys: Sequence[str], what: str) -> Any:
    found: Any = measured
    for key in keys:
        if key not in found:
            raise SppnetError(f"{what}: has no {'.'.join(keys)}; rebuild it for these columns")
        found = found[key]
    return found


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else round(100 * fraction, 2)


def _rounded(value: float) -> float:
    """Four significant digits: more than any timing is good for."""
    return float(f"{value:.4g}")


def _text(cell: Cell) -> str:
    """A number as the paper prints it: one decimal for %, three digits for times."""
    if cell.unit == "%":
        return f"{cell.value:.1f}"
    if cell.unit == "s":
        return f"{cell.value:#.3g}".rstrip(".")
    return f"{cell.value:.0f}x" if cell.value >= 10 else f"{cell.value:.1f}x"
