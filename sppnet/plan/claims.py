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
        """The samples behind the intervals of effects."""
        return Bootstrap.of(self.settings.evaluation)

    def measured(self) -> list[str]:
        """Files behind all claims, each once."""
        sides = [side for each in self._all() for side in (each.ours, each.reference)]
        return list(dict.fromkeys(str(file) for side in sides for file in side.files))

    def comparisons(self) -> Comparisons:
        """Every claim that the configuration can test."""
        return Comparisons(comparisons=tuple(self._all()))

    def _all(self) -> list[Comparison]:
        """Those of the paper only, which has none about other backbones."""
        every = [*self._classification(), *self._transfer(), *self._detection()]
        return [each for each in every if each.claim in CLAIMS]

    def _classification(self) -> Iterator[Comparison]:
        """Claims about Tables 2 to 4, for the backbones at hand."""
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
        own = errors.ablations
        backbone = own.fewer_bins_backbone
        fewer = self._scores(backbone, own.fewer_bins)
        yield self._errors("fewer_bins", backbone, fewer, self._scores(backbone, plain))
        backbone = own.random_size_backbone
        one, two, random = (
            self._scores(backbone, variant) for variant in (single, multi, own.random_size)
        )
        yield self._errors("random_size_better_than_one", backbone, random, one)
        yield self._errors("random_size_worse_than_two", backbone, two, random)

    def _full_images(self) -> Iterator[Comparison]:
        own = self.classification.errors.table3
        for backbone, (trained, variant) in product(own.backbones, own.variants.items()):
            full, crop = (
                self._scores(backbone, variant, view_set) for view_set in (own.full, own.crop)
            )
            yield self._errors(f"full_image_{backbone}_{trained}", backbone, full, crop)

    def _views(self) -> Iterator[Comparison]:
        own = self.classification.errors.table4
        backbone = own.backbone
        ten, many, most, maps, crops = (
            self._scores(backbone, own.variant, view_set)
            for view_set in (own.views_10, own.views_96, own.views_98, own.maps, own.crops)
        )
        yield self._errors("views_96", backbone, many, ten)
        yield self._errors("views_98", backbone, most, ten)
        yield self._errors("views_full", backbone, most, many)
        yield self._errors("map_views_equal", backbone, maps, crops)
        faster, slower = (self._timed("views_timing", name) for name in (own.maps, own.crops))
        yield self._errors("map_views_faster", backbone, faster, slower)
        _, single, multi = self.classification.errors.table2.variants
        two, one = (self._timed("training_timing", name) for name in (multi, single))
        yield self._errors("two_sizes_time", backbone, two, one)

    def _scores(self, backbone: str, variant: str, view_set: str | None = None) -> Side:
        """Scores of all seeds, if not said otherwise on the view set of Table 2."""
        view_set = view_set or self.classification.errors.table2.view_set
        return _side(*self.classification.scores(backbone, variant, view_set))

    def _timed(self, timing: str, name: str) -> Side:
        return _side(self.files.artifact(f"{timing}.json"), part=name)

    def _errors(self, claim: str, backbone: str, ours: Side, reference: Side) -> Comparison:
        sized = (backbone, self.classification.backbones[backbone].width)
        return self._comparison(claim, "classification", (sized, sized), ours, reference)

    def _transfer(self) -> Iterator[Comparison]:
        """Claims about Tables 6 and 7, where the columns beside the paper's numbers are shown."""
        for claim in CLAIMS.values():
            if claim.kind != "accuracy" or claim.paper is None:
                continue
            columns = [column for column in map(self.transfer.beside, claim.paper) if column]
            if len(columns) < len(claim.paper):
                continue
            images = "Caltech-101" if claim.paper[0].table == 7 else "VOC"
            sized = [self._sized(self.transfer.columns(t)[name].network) for t, name in columns]
            sides = [_side(self.files.transfer(*column)) for column in columns]
            yield self._comparison(claim.name, images, sized, *sides)

    def _detection(self) -> Iterator[Comparison]:
        """Claims about Table 9; on accuracy only where R-CNN has learned from the same images."""
        columns = self.detection.columns
        by_reference = {self.settings.detectors[name].reference: name for name in columns}
        one, five = by_reference.get(ONE_SCALE), by_reference.get(FIVE_SCALES)
        best, baseline = five or one, self.settings.table9.baseline
        if best is None:
            return
        if one and five:
            yield self._detectors("five_scales", five, one)
        # The paper's numbers behind these are of five scales.
        for claim in ("fine_tuning", "box_regression"):
            yield self._detectors(claim, best, best, comparable=best == five)
        if not isinstance(self.settings.detectors[baseline], RcnnDetector):
            return
        if self.detection.same_images:
            yield self._detectors("as_accurate_as_rcnn", best, baseline, comparable=best == five)
        for detector, words in ((one, "one_scale"), (five, "five_scales")):
            if detector:
                yield self._detectors(f"faster_than_rcnn_{words}", detector, baseline, timed=True)

    def _detectors(
        self, claim: str, ours: str, reference: str, *, comparable: bool = True, timed: bool = False
    ) -> Comparison:
        names = (ours, reference)
        sized = [self._sized(self.settings.detectors[name].network) for name in names]
        sides = [
            self._timed("timing", name)
            if timed
            else _side(self.files.detector(name, "evaluation.json"))
            for name in names
        ]
        return self._comparison(claim, "VOC", sized, *sides, comparable=comparable)

    def _sized(self, network: str) -> SizedBackbone:
        own = self.settings.all_networks[network].architecture
        return own.backbone, own.width

    def _comparison(
        self,
        claim: str,
        images: str,
        sized: Sequence[SizedBackbone],
        ours: Side,
        reference: Side,
        *,
        comparable: bool = True,
    ) -> Comparison:
        """A comparison of two sides, on backbones of some width.

        The paper's numbers compare with its own backbones, of whatever width, only.
        """
        networks = dict.fromkeys(
            TITLES.get(backbone, backbone) + (f" of width {width:g}" if width != 1 else "")
            for backbone, width in sized
        )
        backbones = tuple(backbone for backbone, _ in sized)
        the_papers = claim in CLAIMS and CLAIMS[claim].backbones == backbones
        return Comparison(
            claim=claim,
            measured_on=f"{' and '.join(networks)}, {self._set_name(images)}",
            comparable=comparable and the_papers,
            ours=ours,
            reference=reference,
        )

    def _set_name(self, images: str) -> str:
        """What an image set is called: as its folder, unless it is generated."""
        data = self.settings.data
        if self.settings.scenes:
            return f"generated {images} set"
        if images == "classification":
            return Path(str(data.imagenet or data.image_folder)).name
        return Path(data.voc if images == "VOC" else self.transfer.caltech_root()).name

    # Results

    def results(self) -> list[str]:
        """Every table and figure that the configuration has settings for."""
        own = self.settings
        tables, plots, pages = ["table9", "claims"], [], ["detections"]
        if own.table1:
            tables += ["table1"]
        if own.errors:
            tables += ["table2", "table3", "table4", "table5", "ablations"]
            plots += [f"learning_curves_{name}" for name in self.classification.backbones]
            plots += ["error_by_views"]
            pages += ["view_positions"]
        if own.transfer:
            tables += ["table6", "table7", "table8"]
        if own.responses:
            pages += ["responses"]
        return [
            *(self.files.result(f"{name}.{kind}") for name in tables for kind in ("csv", "json")),
            *(self._figure(name, kind) for name in plots for kind in ("png", "svg")),
            *(self._figure(name, "png") for name in pages),  # as SVG photographs are too large
        ]

    def _figure(self, name: str, kind: str) -> str:
        return self.files.result(f"figures/{name}.{kind}")


def _side(*files: str, part: str = "") -> Side:
    return Side(files=tuple(map(Path, files)), part=part)
