"""Tables 6 to 8: the networks and image views behind every cell."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sppnet.classify.settings import (
    CaltechSplits,
    CategoryImages,
    ImageView,
    Transfer,
    TransferColumn,
    TransferFeatures,
    TransferSvm,
    VocProtocol,
)
from sppnet.config.section import Section, required
from sppnet.config.settings import Settings
from sppnet.plan.files import Files
from sppnet.plan.images import ImagePlan
from sppnet.report.paper_numbers import PaperNumber
from sppnet.report.requests import TransferColumnRequest, TransferTableRequest, WarpedRequest

CALTECH_SPLIT = "all"  # VOC 2007 has trainval and test


def view_name(view: ImageView) -> str:
    """Name of the folder with the features of an image view."""
    return f"{view.input}{view.size}" + (f"of{view.crop}" if view.crop else "")


@dataclass(frozen=True)
class TransferPlan:
    """Tables 6 to 8 of a configuration."""

    settings: Settings
    files: Files
    images: ImagePlan

    @property
    def transfer(self) -> Transfer:
        """The section of Tables 6 to 8."""
        return required(self.settings.transfer, "transfer")

    def columns(self, table: str) -> Mapping[str, TransferColumn]:
        """Columns of table6 or table7 by name; none if the configuration omits these tables."""
        if self.settings.transfer is None:
            return {}
        columns = {
            "table6": self.transfer.table6.columns,
            "table7": self.transfer.table7.columns,
        }
        return columns[table]

    @cached_property
    def names(self) -> list[str]:
        """Names of the columns of Tables 6 and 7."""
        return list(dict.fromkeys([*self.columns("table6"), *self.columns("table7")]))

    @cached_property
    def views(self) -> dict[str, ImageView]:
        """The image views of all columns by name."""
        columns = [*self.columns("table6").values(), *self.columns("table7").values()]
        return {view_name(view): view for column in columns for view in column.views}

    def beside(self, number: PaperNumber) -> tuple[str, str] | None:
        """Table and column to compare with a paper number: the first matching column, if any."""
        table = f"table{number.table}"
        for name, column in self.columns(table).items():
            if column.reference == number.column and not self._is_warped(table, name):
                return table, name
        return None

    def _is_warped(self, table: str, column: str) -> bool:
        return table == "table7" and column == self.transfer.table7.warped

    # Images and their features

    def caltech_root(self) -> str:
        """The folder of Caltech-101."""
        return self.transfer.table7.root

    def category_images(self) -> CategoryImages:
        """Requirements on every category."""
        return CategoryImages.of(self.transfer.table7)

    def dataset(self, split: str) -> str:
        """The data set of a split, by its name in manifests."""
        return "caltech101" if split == CALTECH_SPLIT else "detection"

    def manifest(self, split: str) -> str:
        """The manifest of a split."""
        return self.files.manifest("caltech101" if split == CALTECH_SPLIT else "voc")

    def view(self, view: str) -> ImageView:
        """The image view with this name."""
        return self.views[view]

    # Columns

    def table_manifest(self, table: str) -> str:
        """The manifest of the images of table6 or table7."""
        return self.manifest(CALTECH_SPLIT if table == "table7" else "trainval")

    def features(self, table: str, column: str) -> list[str]:
        """Features of trainval, or of all of Caltech-101, with one file per image view."""
        return self._features(table, column, CALTECH_SPLIT if table == "table7" else "trainval")

    def test_features(self, table: str, column: str) -> list[str]:
        """Features of test; none for Caltech-101, which is split at random."""
        return [] if table == "table7" else self._features(table, column, "test")

    def cached(self, table: str, column: str) -> TransferFeatures:
        """All features of a column, as options of its command."""
        return TransferFeatures(
            features=tuple(map(Path, self.features(table, column))),
            test_features=tuple(map(Path, self.test_features(table, column))),
        )

    def _features(self, table: str, column: str, split: str) -> list[str]:
        settings = self.columns(table)[column]
        views = map(view_name, settings.views)
        return [self.files.image_features(settings.network, view, split) for view in views]

    def protocol(self, table: str) -> list[Section]:
        """Settings of the SVMs of a table, and of their training and test."""
        transfer = self.transfer
        svm = TransferSvm.of(transfer)
        if table == "table7":
            return [svm, CaltechSplits.of(transfer.table7)]
        return [svm, VocProtocol(holdout=transfer.table6.holdout, bootstrap=transfer.bootstrap)]

    # Tables

    def table(self, table: str) -> TransferTableRequest:
        """The columns of table6, table7 or table8."""
        if table == "table8":
            return TransferTableRequest(table=8, columns=self._table8())
        table7 = self.transfer.table7
        columns = tuple(
            TransferColumnRequest(
                name=name,
                title=column.title,
                reference=column.reference,
                result=self._result(table, name),
            )
            for name, column in self.columns(table).items()
            if not self._is_warped(table, name)
        )
        if table == "table6":
            return TransferTableRequest(table=6, columns=columns)
        result = self._result(table, table7.warped)
        warped = WarpedRequest(beside=table7.warped_beside, result=result)
        return TransferTableRequest(table=7, columns=columns, warped=warped)

    def _table8(self) -> tuple[TransferColumnRequest, ...]:
        table8 = self.transfer.table8
        columns = (
            ("voc07", "VOC07", "table6", table8.voc07, table8.voc07_layer),
            ("caltech101", "Caltech101", "table7", table8.caltech101, table8.caltech101_layer),
        )
        return tuple(
            TransferColumnRequest(
                name=name,
                title=title,
                reference=name,
                result=self._result(table, column),
                layer=layer,
            )
            for name, title, table, column, layer in columns
        )

    def _result(self, table: str, column: str) -> Path:
        return Path(self.files.transfer(table, column))

    def results(self, table: str) -> list[str]:
        """Results behind a table; the result for warped images is last."""
        request = self.table(table)
        files = [column.result for column in request.columns]
        return list(map(str, [*files, *([request.warped.result] if request.warped else [])]))
