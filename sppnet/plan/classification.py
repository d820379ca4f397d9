"""Tables 1 to 5: the networks and view sets behind every cell, curve and point."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

from sppnet.classify.requests import TimedVariant, TimedVariants, TimedViewSets
from sppnet.classify.settings import (
    Backbone,
    Classifiers,
    ScoredViews,
    ViewSet,
    ViewTiming,
    Windows,
)
from sppnet.config.section import Section, required
from sppnet.config.settings import Settings
from sppnet.models.settings import Iteration, Seeded
from sppnet.plan.files import Files
from sppnet.plan.images import ImagePlan
from sppnet.plan.networks import NetworkPlan
from sppnet.report.paper_numbers import (
    Metric,
    full_image_error,
    method_error,
    variant_error,
)
from sppnet.report.requests import (
    Curve,
    Curves,
    ErrorCellRequest,
    ErrorTableRequest,
    PointRequest,
    Points,
)
from sppnet.report.settings import ErrorTables, Responses, StrongestResponses, Table1
from sppnet.statistics.settings import Bootstrap

METRICS: tuple[Metric, ...] = ("top1", "top5")
FULL_OR_CROP: tuple[Literal["crop", "full"], ...] = ("crop", "full")
# View sets of Table 4, and the number of scales in the paper's rows of Overfeat-7. The result for
# 96 views is in the text only.
TABLE4_SCALES = {"views_10": 1, "views_96": None, "views_98": 6}


@dataclass(frozen=True)
class ClassificationPlan:
    """Tables 1 to 5 of a configuration."""

    settings: Settings
    files: Files
    images: ImagePlan
    networks: NetworkPlan

    @property
    def classifiers(self) -> Classifiers:
        """The networks of Tables 2 to 5."""
        return required(self.settings.classifiers, "classifiers")

    @property
    def backbones(self) -> Mapping[str, Backbone]:
        """Backbones by name."""
        return {str(name): backbone for name, backbone in self.classifiers.backbones.items()}

    @property
    def errors(self) -> ErrorTables:
        """Contents of Tables 2 to 5."""
        return required(self.settings.errors, "errors")

    @property
    def view_sets(self) -> Mapping[str, ViewSet]:
        """View sets by name."""
        return required(self.settings.view_sets, "view_sets")

    def names(self, backbone: str, variant: str) -> list[str]:
        """Names of the networks of a backbone in a training variant, one per seed."""
        return self.classifiers.names(backbone, variant)

    # Scores

    def weights(self, network: str) -> str:
        """Weights of the network that scores views."""
        return self.files.network(network)

    def scoring(self, network: str, view_set: str) -> list[Section]:
        """The view set with this name, and where most of its views are scored already."""
        base = self.base(network, view_set)
        return [self.view_sets[view_set], ScoredViews(base=Path(base[0]) if base else None)]

    def base(self, network: str, view_set: str) -> list[str]:
        """Scores on the same views without the full one, if they are a view set themselves."""
        views = self.view_sets[view_set]
        if views.full is None or not views.scales:
            return []
        without = views.model_copy(update={"full": None})
        names = [name for name, others in self.view_sets.items() if others == without]
        return [self.files.scores(network, name, "safetensors") for name in names[:1]]

    def scores(
        self, backbone: str, variant: str, view_set: str, suffix: str = "safetensors"
    ) -> list[str]:
        """Scores of a backbone in a training variant on a view set, one file per seed."""
        names = self.names(backbone, variant)
        return [self.files.scores(name, view_set, suffix) for name in names]

    def combined(self) -> list[str]:
        """Scores of all networks of Table 5."""
        table5 = self.errors.table5
        members = (self.scores(*member, table5.view_set) for member in table5.members)
        return [file for files in members for file in files]

    # Tables

    def table1(self) -> Table1:
        """The backbones of Table 1."""
        return required(self.settings.table1, "table1")

    def interval(self) -> Bootstrap:
        """Bootstrap samples for the intervals of errors."""
        return Bootstrap.of(self.settings.evaluation)

    def table_scores(self, table: str) -> list[str]:
        """Score files of a table, without duplicates."""
        files = (file for cell in self.cells(table).cells for file in cell.files)
        return list(dict.fromkeys(map(str, files)))

    def cells(self, table: str) -> ErrorTableRequest:
        """Our cells of a table.

        Args:
            table: table2 to table5, or ablations.
        """
        if table == "table2":
            table2 = self.errors.table2
            cells = self._variants(self.backbones, table2.variants, table2.view_set)
            return ErrorTableRequest(table="2", cells=tuple(cells))
        if table == "table3":
            return ErrorTableRequest(table="3", cells=tuple(self._table3()))
        if table == "table4":
            return ErrorTableRequest(table="4", cells=tuple(self._table4()))
        if table == "table5":
            return ErrorTableRequest(table="5", cells=(self._table5(),))
        assert table == "ablations", table
        return ErrorTableRequest(table="ablations", cells=tuple(self._ablations()))

    def _variants(
        self, backbones: Iterable[str], variants: Iterable[str], view_set: str
    ) -> list[ErrorCellRequest]:
        """Cells with one row per variant and metric, and one column per backbone."""
        cells = []
        for variant, metric, backbone in product(variants, METRICS, backbones):
            row, column = self.classifiers.variants[variant], self.backbones[backbone]
            number = None
            if row.reference and column.reference:
                number = variant_error(row.reference, column.reference, metric)
            cells.append(
                ErrorCellRequest(
                    row=row.title,
                    column=column.title,
                    metric=metric,
                    paper=number,
                    files=_paths(self.scores(backbone, variant, view_set)),
                )
            )
        return cells

    def _table3(self) -> list[ErrorCellRequest]:
        table3, cells = self.errors.table3, []
        for backbone, (trained, variant) in product(table3.backbones, table3.variants.items()):
            column = self.backbones[backbone]
            for view in FULL_OR_CROP:
                number = None
                if column.reference:
                    number = full_image_error(column.reference, trained, view)
                cells.append(
                    ErrorCellRequest(
                        row=f"{column.title} | {trained}-size",
                        column=f"1 {view}",
                        metric="top1",
                        paper=number,
                        files=_paths(self.scores(backbone, variant, getattr(table3, view))),
                    )
                )
        return cells

    def _table4(self) -> list[ErrorCellRequest]:
        """Our rows; those of other methods are quoted from the paper."""
        table4, cells = self.errors.table4, []
        backbone = self.backbones[table4.backbone]
        for (name, scales), metric in product(TABLE4_SCALES.items(), METRICS):
            view_set = getattr(table4, name)
            views = views_in_words(self.view_sets[view_set])
            number = None
            if scales is not None and backbone.reference == "Overfeat-7":
                number = method_error("SPP_O-7", scales, metric)
            cells.append(
                ErrorCellRequest(
                    row=f"SPP-net ({backbone.title}, this run), {views}",
                    column=f"{metric.replace('top', 'top-')} val",
                    metric=metric,
                    paper=number,
                    files=_paths(self.scores(table4.backbone, table4.variant, view_set)),
                )
            )
        return cells

    def _table5(self) -> ErrorCellRequest:
        files = _paths([self.files.combined_scores()])
        return ErrorCellRequest(
            row="ours", column="top-5 val", metric="top5", paper=None, files=files
        )

    def _ablations(self) -> list[ErrorCellRequest]:
        """The two additional training variants, and those of Table 2 on the same backbones."""
        ablations, table2 = self.errors.ablations, self.errors.table2
        plain, single, multi = table2.variants
        cells = [
            *self._variants(
                [ablations.fewer_bins_backbone],
                [plain, single, ablations.fewer_bins],
                table2.view_set,
            ),
            *self._variants(
                [ablations.random_size_backbone],
                [single, multi, ablations.random_size],
                table2.view_set,
            ),
        ]
        # If the two share a backbone, they also share a row.
        return list(dict.fromkeys(cells))

    # Times

    def timed_network(self) -> str:
        """The network that is timed: that of Table 4; the seed does not affect times."""
        table4 = self.errors.table4
        return self.files.network(self.names(table4.backbone, table4.variant)[0])

    def timed_view_sets(self) -> TimedViewSets:
        """The view sets of Table 4."""
        table4 = self.errors.table4
        names = (table4.crops, table4.maps, table4.views_10, table4.views_96, table4.views_98)
        return TimedViewSets(view_sets={name: self.view_sets[name] for name in names})

    def view_timing(self) -> ViewTiming:
        """How often view sets are timed."""
        return required(self.settings.timing.views, "timing.views")

    def timed_variants(self) -> TimedVariants:
        """Training at one size and at two sizes, with the network that each continues from."""
        backbone = self.errors.table4.backbone
        variants = []
        for name in self.errors.table2.variants[1:]:
            variant = self.classifiers.variants[name]
            network = self.names(backbone, name)[0]
            variants.append(
                TimedVariant(
                    name=name,
                    weights=Path(self.files.network(network)),
                    sizes=variant.sizes,
                    size_choice=variant.size_choice,
                )
            )
        return TimedVariants(variants=tuple(variants))

    def timed_variant_networks(self) -> list[str]:
        """The networks whose training is timed."""
        return [str(variant.weights) for variant in self.timed_variants().variants]

    def training_timing(self) -> list[Section]:
        """Settings that the timed training variants share, and how often they are timed."""
        timing = required(self.settings.timing.training, "timing.training")
        iteration = Iteration.of(self.classifiers.training)
        return [iteration, Seeded(seed=self.classifiers.seeds[0]), timing]

    # Figures

    def curves(self, backbone: str) -> Curves:
        """Learning curves of a backbone in every training variant of Table 2, for all seeds."""
        curves = []
        for variant in self.errors.table2.variants:
            files = [self.files.network(name, "csv") for name in self.names(backbone, variant)]
            title = self.classifiers.variants[variant].title
            curves.append(Curve(name=title, files=_paths(files)))
        return Curves(variants=tuple(curves))

    def curve_files(self, backbone: str) -> list[str]:
        """Histories behind the learning curves of a backbone."""
        return [str(file) for curve in self.curves(backbone).variants for file in curve.files]

    def points(self) -> Points:
        """Points of errors by views: the view sets of Table 4, in series."""
        table4 = self.errors.table4
        series = (
            ("crops", table4.crops),
            ("feature maps", table4.maps),
            ("feature maps", table4.views_96),
            ("feature maps", table4.views_98),
        )
        points = [
            PointRequest(
                series=name,
                label=view_set.replace("_", " "),
                view_set=view_set,
                scores=_paths(self.scores(table4.backbone, table4.variant, view_set)),
                metrics=_paths(self.scores(table4.backbone, table4.variant, view_set, "json")),
            )
            for name, view_set in series
        ]
        return Points(points=tuple(points))

    def point_files(self) -> list[str]:
        """Files of all points, except their times."""
        points = self.points().points
        return [str(file) for point in points for file in (*point.scores, *point.metrics)]

    def drawn_backbone(self) -> str:
        """The backbone for the figure of view positions: that of Table 4."""
        return self.errors.table4.backbone

    def drawn_views(self) -> Windows:
        """The 96 views of Table 4."""
        return Windows.of(self.view_sets[self.errors.table4.views_96])

    def responses_network(self) -> str:
        """The network whose filter responses are drawn."""
        return self.files.network(self._responses.network)

    def responses_manifest(self) -> str:
        """The manifest of the images for filter responses."""
        classification = self._responses.dataset == "classification"
        return self.images.classification if classification else self.files.manifest("voc")

    def responses(self) -> StrongestResponses:
        """Which filters and images are drawn."""
        return StrongestResponses.of(self._responses)

    @property
    def _responses(self) -> Responses:
        return required(self.settings.responses, "responses")


def views_in_words(views: ViewSet) -> str:
    """The number of views of an image, as in "96 views + 2 full".

    If the image is as narrow as a view, at most 3 positions differ (see `view_windows`).
    """
    mirrors = 2 if views.mirrored else 1
    count = sum(
        min(3, views.positions) if scale == views.window else views.positions
        for scale in views.scales
    )
    parts = [f"{mirrors * count} views"] if count else []
    parts += [f"{mirrors} full"] if views.full else []
    return " + ".join(parts)


def _paths(files: Iterable[str]) -> tuple[Path, ...]:
    return tuple(map(Path, files))
