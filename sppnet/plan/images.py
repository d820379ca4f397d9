"""Image sets, with their manifests, stores and proposals."""

from dataclasses import dataclass

from sppnet.config.section import Section, required
from sppnet.config.settings import Settings
from sppnet.data.settings import DetectionImages, Drawing, Layout, ScenePlan
from sppnet.data.shapes import IMAGE_CLASSES
from sppnet.detect.settings import SelectiveSearch
from sppnet.plan.files import Files


@dataclass(frozen=True)
class ImagePlan:
    """Image sets of a configuration."""

    settings: Settings
    files: Files

    def proposals(self) -> SelectiveSearch:
        """Settings of the proposals."""
        return self.settings.proposals

    @property
    def classification(self) -> str:
        """Manifest of the images for pretraining and validation."""
        return self.files.manifest("imagenet" if self.settings.data.imagenet else "image_folder")

    def problems(self) -> dict[str, str]:
        """Lists of the problems of the image sets, by the setting that names the set."""
        data, transfer = self.settings.data, self.settings.transfer
        sets = {"voc": data.voc, "image_folder": data.image_folder, "imagenet": data.imagenet}
        lists = {f"data.{name}": self.files.problems(name) for name, root in sets.items() if root}
        if transfer:
            lists["transfer.table7.root"] = self.files.problems("caltech101")
        return lists

    def scenes(self, layout: Layout) -> list[str]:
        """The folder of a generated set; empty if photographs are used."""
        return [self.files.artifact(f"scenes/{layout}")] if self.settings.scenes else []

    def scenes_digest(self, layout: Layout) -> list[str]:
        """The file with the digest of that folder."""
        return [f"{folder}.json" for folder in self.scenes(layout)]

    def scene_plan(self, layout: Layout) -> ScenePlan:
        """How to generate a set: one whole object per image, or several for detection."""
        scenes = required(self.settings.scenes, "scenes")
        drawing = dict(Drawing.of(scenes))
        if layout == "VOCdevkit":
            return ScenePlan(
                **drawing,
                images=(scenes.detection_trainval, scenes.detection_test),
                sides=scenes.detection_sides,
                object_sides=scenes.detection_object_sides,
                objects=scenes.detection_objects,
                cut=scenes.detection_cut,
            )
        images: tuple[int, ...] = (scenes.caltech_per_class * len(IMAGE_CLASSES),)
        if layout in ("ImageFolder", "ILSVRC2012"):
            images = (scenes.classification_train, scenes.classification_validation)
        return ScenePlan(
            **drawing,
            images=images,
            sides=scenes.classification_sides,
            object_sides=scenes.classification_object_sides,
            objects=(1, 1),
            cut=0,
        )

    def detection(self) -> DetectionImages:
        """The detection set."""
        return DetectionImages.of(self.settings.data)

    def image_folder(self) -> str:
        """The folder of images for pretraining."""
        return str(self.settings.data.image_folder)

    def imagenet(self) -> str:
        """The folder of ImageNet 2012."""
        return str(self.settings.data.imagenet)

    def store(self) -> list[Section]:
        """How images for pretraining are stored; empty if they are not."""
        return [self.settings.store] if self.settings.store else []
