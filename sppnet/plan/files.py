"""Paths of the files of a configuration: the output names of the rules."""

from collections.abc import Sequence
from dataclasses import dataclass

from sppnet.config.settings import Paths


@dataclass(frozen=True)
class Files:
    """Files in the folders of a configuration.

    Attributes:
        paths: folders of the configuration.
    """

    paths: Paths

    def artifact(self, name: str) -> str:
        """Path of an artifact."""
        return f"{self.paths.artifacts}/{name}"

    def result(self, name: str) -> str:
        """Path of a table or figure."""
        return f"{self.paths.results}/{name}"

    def manifest(self, name: str) -> str:
        """Manifest of an image set: voc, image_folder, imagenet or caltech101."""
        return self.artifact(f"{name}.parquet")

    def problems(self, name: str) -> str:
        """Problems of an image set, and what was done about each."""
        return self.artifact(f"{name}_problems.csv")

    def network(self, network: str, suffix: str = "safetensors") -> str:
        """A pretrained network, its history (csv) or its validation (json)."""
        return self.artifact(f"networks/{network}.{suffix}")

    def backbone(self, network: str) -> str:
        """The imported backbone of a network."""
        return self.network(network, "backbone.safetensors")

    def scores(self, network: str, view_set: str, suffix: str = "safetensors") -> str:
        """Scores of a network on a view set, or their summary (json)."""
        return self.artifact(f"views/{network}/{view_set}.{suffix}")

    def combined_scores(self) -> str:
        """Scores averaged over the networks of Table 5."""
        return self.artifact("views/combined.safetensors")

    def maps(self, network: str, scales: Sequence[int], split: str) -> list[str]:
        """conv5 maps of the images of a split, one file per scale."""
        return [self.artifact(f"features/{network}/{scale}/{split}.npy") for scale in scales]

    def region_features(self, detector: str, state: str, split: str) -> str:
        """R-CNN's features of the proposals of a split, before or after fine-tuning."""
        return self.artifact(f"features/{detector}/{state}/{split}.npy")

    def detector(self, detector: str, name: str) -> str:
        """A file of a detector: finetuned.safetensors, svm.safetensors, evaluation.json ..."""
        return self.artifact(f"detectors/{detector}/{name}")

    def image_features(self, network: str, view: str, part: str) -> str:
        """Features of whole images in one image view."""
        return self.artifact(f"image_features/{network}/{view}/{part}.npy")

    def transfer(self, table: str, column: str) -> str:
        """Result of a column of Table 6 or 7."""
        return self.artifact(f"transfer/{table}/{column}.json")
