"""Table 9: mean average precision by layer and seconds per image, laid out as in the paper."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sppnet.errors import SppnetError
from sppnet.report.paper_numbers import PaperNumber
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
PAPER_BASELINE = "RCNN_Alex5"  # to which the paper's speedups refer
ROWS = (*ACCURACY_ROWS, *TIME_ROWS, SPEEDUP_ROW)


def table9_cells(
    columns: Sequence[DetectionColumn],
    evaluations: Mapping[str, Mapping[str, Any]],
    timing: Mapping[str, Any],
    reference: Mapping[PaperNumber, PaperValue],
    *,
    baseline: str,
    bootstrap: Bootstrap,
) -> Cells:
    """All cells of the table, by column name and row key.

    The intervals of times and speedups are bootstrapped over images, with the same samples on both
    sides of a speedup.

    Args:
        columns: in the order of the table.
        evaluations: what `evaluate` wrote, by column name; fractions become percent.
        timing: what `measure-speed` wrote, seconds per image.
        reference: the paper's numbers.
        baseline: the column to whose total time the speedups refer.
        bootstrap: bootstrap samples behind the intervals of times.

    Raises:
        SppnetError: a row or column is missing from the measurements.
    """
    cells: Cells = {}
    for column in columns:
        name = column.name
        measured = {row.key: _accuracy(evaluations[name], row, name) for row in ACCURACY_ROWS}
        measured |= {row.key: _time(timing, row, name, bootstrap) for row in TIME_ROWS}
        measured[SPEEDUP_ROW.key] = _speedup(timing, name, baseline, bootstrap)
        comparable = ROWS if _is_paper_baseline(columns, baseline) else ROWS[:-1]
        cells[name] = measured | {
            row.key: _with_paper_number(measured[row.key], row, column, reference)
            for row in comparable
        }
    return cells


def _is_paper_baseline(columns: Sequence[DetectionColumn], baseline: str) -> bool:
    return any(column.name == baseline and column.reference == PAPER_BASELINE for column in columns)


def layout(columns: Sequence[DetectionColumn], cells: Cells, *, baseline: str) -> list[list[str]]:
    """The table as text: a line of headings, then one line per row of the paper's table."""
    lines = [["", *(column.title for column in columns)]]
    titles = {column.name: column.title for column in columns}
    for row in ROWS:
        texts = [_text(cells[column.name][row.key]) for column in columns]
        heading = row.heading
        if row is SPEEDUP_ROW:
            texts = [
                "-" if name == baseline else text for name, text in zip(titles, texts, strict=True)
            ]
            # without the network, which stands in the last parentheses of a title
            heading = heading.format(titles[baseline].rpartition(" (")[0] or titles[baseline])
        lines.append([heading, *texts])
    return lines


def _accuracy(evaluation: Mapping[str, Any], row: Row, name: str) -> Cell:
    scores = _part(evaluation, ("rows", row.source), f"evaluation of {name}")
    mean, low, high = (_percent(scores.get(key)) for key in ("map", "low", "high"))
    if mean is None:
        raise SppnetError(f"evaluation of {name}: no mean average precision; run evaluate again")
    return Cell(mean, "%", int(evaluation["images"]), low, high)


def _time(timing: Mapping[str, Any], row: Row, name: str, bootstrap: Bootstrap) -> Cell:
    seconds = _seconds(timing, name, row.source)
    samples = bootstrap_medians([seconds], replicates=bootstrap.bootstrap, seed=bootstrap.seed)[0]
    low, high = percentile_interval(samples)
    return Cell(
        _rounded(float(np.median(seconds))),
        "s",
        len(seconds),
        low=_rounded(low),
        high=_rounded(high),
    )


def _speedup(timing: Mapping[str, Any], name: str, baseline: str, bootstrap: Bootstrap) -> Cell:
    seconds, baseline_seconds = (_seconds(timing, column, "total") for column in (name, baseline))
    ratio = _rounded(float(np.median(baseline_seconds) / np.median(seconds)))
    if name == baseline:
        return Cell(ratio, "x", len(seconds))
    fast, slow = bootstrap_medians(
        [seconds, baseline_seconds], replicates=bootstrap.bootstrap, seed=bootstrap.seed
    )
    low, high = percentile_interval(slow / fast)
    return Cell(ratio, "x", len(seconds), low=_rounded(low), high=_rounded(high))


def _seconds(timing: Mapping[str, Any], name: str, part: str) -> np.ndarray:
    """Seconds of each image (N,)."""
    seconds = _part(timing, ("columns", name, part, "each"), "timing")
    return np.asarray(seconds, np.float64)


def _with_paper_number(
    cell: Cell, row: Row, column: DetectionColumn, reference: Mapping[PaperNumber, PaperValue]
) -> Cell:
    """The cell with the paper's number."""
    if column.reference is None:
        return cell
    paper = reference.get(PaperNumber(table=9, row=row.reference, column=column.reference))
    if paper is None:
        return cell
    return Cell(cell.value, cell.unit, cell.n, cell.low, cell.high, paper.value, paper.origin)


def _part(measured: Mapping[str, Any], keys: Sequence[str], what: str) -> Any:
    value: Any = measured
    for key in keys:
        if key not in value:
            raise SppnetError(f"{what}: has no {'.'.join(keys)}; rebuild it for these columns")
        value = value[key]
    return value


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else round(100 * fraction, 2)


def _rounded(value: float) -> float:
    """Four significant digits, more than timings are repeatable to."""
    return float(f"{value:.4g}")


def _text(cell: Cell) -> str:
    """A number as the paper prints it: one decimal for %, three digits for times."""
    if cell.unit == "%":
        return f"{cell.value:.1f}"
    if cell.unit == "s":
        return f"{cell.value:#.3g}".rstrip(".")
    return f"{cell.value:.0f}x" if cell.value >= 10 else f"{cell.value:.1f}x"
