"""The claims that a configuration can test, and the list of its results."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from sppnet.config.settings import Settings
from sppnet.detect.settings import RcnnDetector
from sppnet.plan.classification import ClassificationPlan
from sppnet.plan.detection import DetectionPlan
from sppnet.plan.files import Files
from sppnet.plan.transfer import TransferPlan
from sppnet.report.claims import CLAIMS, FIVE_SCALES, ONE_SCALE, TITLES
from sppnet.report.requests import Comparison, Comparisons, Side
from sppnet.statistics.settings import Bootstrap

SizedBackbone = tuple[str, float]  # name and width


@dataclass(frozen=True)
class ClaimPlan:
    """Claims and results of a configuration."""

    settings: Settings
    files: Files
    classification: ClassificationPlan
    transfer: TransferPlan
    detection: DetectionPlan

    # Claims

    def interval(self) -> Bootstrap:
        """Bootstrap samples for the intervals of effects."""
        return Bootstrap.of(self.settings.evaluation)

    def measured(self) -> list[str]:
        """Files behind all claims, without duplicates."""
        pairs = self._all()
        sides = [side for pair in pairs for side in (pair.ours, pair.reference)]
        files = [file for side in sides for file in side.files]
        files += [pair.manifest for pair in pairs if pair.manifest]
        return list(dict.fromkeys(map(str, files)))

    def comparisons(self) -> Comparisons:
        """The claims that the configuration can test."""
        return Comparisons(comparisons=tuple(self._all()))

    def _all(self) -> list[Comparison]:
        """Comparisons for claims of the paper; it makes none about other backbones."""
        comparisons = [*self._classification(), *self._transfer(), *self._detection()]
        return [comparison for comparison in comparisons if comparison.claim in CLAIMS]

    def _classification(self) -> Iterator[Comparison]:
        """Claims about Tables 2 to 4, for the backbones of the configuration."""
        if self.settings.errors is None:
            return
        yield from self._pooling()
        yield from self._ablations()
        yield from self._full_images()
        yield from self._views()

    def _pooling(self) -> Iterator[Comparison]:
        plain, single, multi = self.classification.errors.table2.variants
        for backbone in self.classification.backbones:
            scores = {
                variant: self._scores(backbone, variant) for variant in (plain, single, multi)
            }
            yield self._errors(f"spp_{backbone}", backbone, scores[single], scores[plain])
            yield self._errors(f"multi_size_{backbone}", backbone, scores[multi], scores[single])

    def _ablations(self) -> Iterator[Comparison]:
        errors = self.classification.errors
        plain, single, multi = errors.table2.variants
        ablations = errors.ablations
        backbone = ablations.fewer_bins_backbone
        fewer = self._scores(backbone, ablations.fewer_bins)
        yield self._errors("fewer_bins", backbone, fewer, self._scores(backbone, plain))
        backbone = ablations.random_size_backbone
        one, two, random = (
            self._scores(backbone, variant) for variant in (single, multi, ablations.random_size)
        )
        yield self._errors("random_size_better_than_one", backbone, random, one)
        yield self._errors("random_size_worse_than_two", backbone, two, random)

    def _full_images(self) -> Iterator[Comparison]:
        table3 = self.classification.errors.table3
        for backbone, (trained, variant) in product(table3.backbones, table3.variants.items()):
            full, crop = (
                self._scores(backbone, variant, view_set) for view_set in (table3.full, table3.crop)
            )
            yield self._errors(f"full_image_{backbone}_{trained}", backbone, full, crop)

    def _views(self) -> Iterator[Comparison]:
        table4 = self.classification.errors.table4
        backbone = table4.backbone
        names = (table4.views_10, table4.views_96, table4.views_98, table4.maps, table4.crops)
        views_10, views_96, views_98, maps, crops = (
            self._scores(backbone, table4.variant, name) for name in names
        )
        yield self._errors("views_96", backbone, views_96, views_10)
        yield self._errors("views_98", backbone, views_98, views_10)
        yield self._errors("views_full", backbone, views_98, views_96)
        yield self._errors("map_views_equal", backbone, maps, crops)
        faster, slower = (self._timed("views_timing", name) for name in (table4.maps, table4.crops))
        yield self._errors("map_views_faster", backbone, faster, slower)
        _, single, multi = self.classification.errors.table2.variants
        two, one = (self._timed("training_timing", name) for name in (multi, single))
        yield self._errors("two_sizes_time", backbone, two, one)

    def _scores(self, backbone: str, variant: str, view_set: str | None = None) -> Side:
        """Scores of all seeds, by default on the view set of Table 2."""
        view_set = view_set or self.classification.errors.table2.view_set
        return _side(*self.classification.scores(backbone, variant, view_set))

    def _timed(self, timing: str, name: str) -> Side:
        return _side(self.files.artifact(f"{timing}.json"), part=name)

    def _errors(self, claim: str, backbone: str, ours: Side, reference: Side) -> Comparison:
        sized = (backbone, self.classification.backbones[backbone].width)
        return self._comparison(claim, "classification", (sized, sized), ours, reference)

    def _transfer(self) -> Iterator[Comparison]:
        """Claims about Tables 6 and 7, if the configuration has both columns of a claim."""
        for claim in CLAIMS.values():
            if claim.kind != "accuracy" or claim.paper is None:
                continue
            columns = [column for column in map(self.transfer.beside, claim.paper) if column]
            if len(columns) < len(claim.paper):
                continue
            images = "Caltech-101" if claim.paper[0].table == 7 else "VOC"
            backbones = [
                self._sized(self.transfer.columns(table)[name].network) for table, name in columns
            ]
            first, second = (_side(self.files.transfer(*column)) for column in columns)
            yield self._comparison(claim.name, images, backbones, first, second)

    def _detection(self) -> Iterator[Comparison]:
        """Claims about Table 9; accuracy against R-CNN only if both have the same images.

        Of several columns with one paper number, they are about the first.
        """
        one, five = self._by_scales(self.detection.compared())
        best, baseline = five or one, self.settings.table9.baseline
        if best is None:
            return
        if one and five:
            yield self._detectors("five_scales", five, one)
        for claim in ("fine_tuning", "box_regression"):
            yield self._detectors(claim, best, best, _fewer_scales(five))
        if not isinstance(self.settings.detectors[baseline], RcnnDetector):
            return
        rival_one, rival_five = self._by_scales(self.detection.comparable_in_accuracy())
        if rival := rival_five or rival_one:
            differs = _fewer_scales(rival_five)
            yield self._detectors("as_accurate_as_rcnn", rival, baseline, differs)
        for detector, scales in ((one, "one_scale"), (five, "five_scales")):
            if detector:
                yield self._detectors(f"faster_than_rcnn_{scales}", detector, baseline, timed=True)

    def _by_scales(self, columns: Sequence[str]) -> tuple[str | None, str | None]:
        """The first columns with the paper's numbers of one scale and of five."""
        by_reference = {self.settings.detectors[name].reference: name for name in reversed(columns)}
        return by_reference.get(ONE_SCALE), by_reference.get(FIVE_SCALES)

    def _detectors(
        self, claim: str, ours: str, reference: str, differs: str = "", *, timed: bool = False
    ) -> Comparison:
        names = (ours, reference)
        backbones = [self._sized(self.settings.detectors[name].network) for name in names]
        ours_side, reference_side = (
            self._timed("timing", name)
            if timed
            else _side(self.files.detector(name, "evaluation.json"))
            for name in names
        )
        return self._comparison(claim, "VOC", backbones, ours_side, reference_side, differs)

    def _sized(self, network: str) -> SizedBackbone:
        architecture = self.settings.all_networks[network].architecture
        return architecture.backbone, architecture.width

    def _comparison(
        self,
        claim: str,
        images: str,
        backbones: Sequence[SizedBackbone],
        ours: Side,
        reference: Side,
        differs: str = "",
    ) -> Comparison:
        """A comparison of two sides, with the backbone of each and what differs from the paper."""
        networks = dict.fromkeys(
            TITLES.get(backbone, backbone) + (f" of width {width:g}" if width != 1 else "")
            for backbone, width in backbones
        )
        names = tuple(name for name, _ in backbones)
        needs_aspects = claim in CLAIMS and CLAIMS[claim].needs_aspects
        manifest = Path(self.detection.images.classification) if needs_aspects else None
        differences = (
            "other networks"
            if claim in CLAIMS and CLAIMS[claim].backbones not in (None, names)
            else "",
            "narrower networks" if any(width != 1 for _, width in backbones) else "",
            self._other_images(images),
            differs,
        )
        return Comparison(
            claim=claim,
            measured_on=f"{' and '.join(networks)}, {self._set_name(images)}",
            not_comparable=", ".join(filter(None, differences)),
            manifest=manifest,
            ours=ours,
            reference=reference,
        )

    def _other_images(self, images: str) -> str:
        """How an image set differs from the paper's; empty if it does not."""
        if self.settings.scenes:
            return "generated images"
        if images == "classification" and not self.settings.data.imagenet:
            return "other images"
        return ""

    def _set_name(self, images: str) -> str:
        """Name of an image set: that of its folder, unless the set is generated."""
        data = self.settings.data
        if self.settings.scenes:
            return f"generated {images} set"
        if images == "classification":
            return Path(str(data.imagenet or data.image_folder)).name
        return Path(data.voc if images == "VOC" else self.transfer.caltech_root()).name

    # Results

    def results(self) -> list[str]:
        """Every table and figure that the configuration has settings for."""
        settings = self.settings
        tables, plots, pages = ["table9", "claims"], ["claims"], ["detections"]
        if settings.table1:
            tables += ["table1"]
        if settings.errors:
            tables += ["table2", "table3", "table4", "table5", "ablations"]
            plots += [f"learning_curves_{name}" for name in self.classification.backbones]
            plots += ["error_by_views"]
            pages += ["view_positions"]
        if settings.transfer:
            tables += ["table6", "table7", "table8"]
        if settings.responses:
            pages += ["responses"]
        return [
            *(self.files.result(f"{name}.{kind}") for name in tables for kind in ("csv", "json")),
            *(self._figure(name, kind) for name in plots for kind in ("png", "svg")),
            *(self._figure(name, "png") for name in pages),  # photographs are too large as SVG
        ]

    def _figure(self, name: str, kind: str) -> str:
        return self.files.result(f"figures/{name}.{kind}")


def _fewer_scales(five_scales: str | None) -> str:
    """What differs from the paper, whose numbers are for five scales."""
    return "" if five_scales else "one scale"


def _side(*files: str, part: str = "") -> Side:
    return Side(files=tuple(map(Path, files)), part=part)
