"""What a configuration file may say, checked in one line, and as a JSON schema.

python -m sppnet.config.settings > workflow/schemas/config.schema.json
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from os.path import normpath
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from sppnet.classify.settings import Classifiers, TrainingTiming, Transfer, ViewSet, ViewTiming
from sppnet.config.findings import reason
from sppnet.config.names import check_errors, check_name, check_transfer
from sppnet.config.section import Name, Section, groups_in
from sppnet.config.text import number_hint
from sppnet.data.settings import Data, Scenes, Store
from sppnet.detect.settings import (
    BoxRegressions,
    Detection,
    DetectionTiming,
    Detector,
    Evaluation,
    FineTunings,
    SelectiveSearch,
    Svms,
)
from sppnet.errors import SppnetError
from sppnet.models.settings import Inference, Network
from sppnet.report.settings import ErrorTables, Figures, Responses, Table1, Table9

# What to do about a finding; most values have to be corrected.
CURES = {
    "missing": "; add it as in config/mini.yaml",
    "extra_forbidden": "; correct its name or remove it",
    "value_error": "",  # says it itself
}


class Paths(Section):
    """Where files go, relative to the working directory."""

    artifacts: str = Field(description="Heavy outputs, tracked by DVC; of one configuration.")
    results: str = Field(description="Tables, tracked by git, and figures.")
    logs: str = Field(description="Logs and run times, untracked.")

    @field_validator("artifacts", "results", "logs")
    @classmethod
    def _one_spelling(cls, path: str) -> str:
        if normpath(path) == "." or set(path) & set("{}<>"):
            raise ValueError(f"{path!r} is no plain path to a folder; write it as artifacts/mini")
        return normpath(path)

    @field_validator("results")
    @classmethod
    def _apart(cls, results: str, earlier: ValidationInfo) -> str:
        if Path(results).is_relative_to(earlier.data.get("artifacts", "artifacts")):
            raise ValueError(f"{results!r} lies in the artifacts; choose a folder of its own")
        return results


class Timing(DetectionTiming):
    """Measured speed: of the detectors of Table 9, and of what the claims compare besides."""

    views: ViewTiming | None = Field(default=None, description="Left out: no Tables 2-5.")
    training: TrainingTiming | None = Field(default=None, description="Left out: no Tables 2-5.")


class Settings(Section):
    """A whole configuration file."""

    paths: Paths
    scenes: Scenes | None = Field(default=None, description="The generated set, where it is used.")
    data: Data
    store: Store | None = Field(default=None, description="Left out: decoded into memory.")
    networks: dict[Name, Network] = Field(min_length=1, description="Pretrained networks, by name.")
    inference: Inference
    proposals: SelectiveSearch
    detectors: dict[Name, Detector] = Field(min_length=1, description="Detectors, by name.")
    finetune: FineTunings
    svm: Svms
    bbox: BoxRegressions
    detection: Detection
    evaluation: Evaluation
    timing: Timing
    figures: Figures
    table9: Table9
    table1: Table1 | None = Field(default=None, description="Left out: no Table 1.")
    classifiers: Classifiers | None = Field(default=None, description="Left out: no Tables 2-5.")
    view_sets: dict[Name, ViewSet] | None = Field(default=None, description="View sets, by name.")
    errors: ErrorTables | None = Field(default=None, description="What Tables 2 to 5 show.")
    transfer: Transfer | None = Field(default=None, description="Left out: no Tables 6-8.")
    responses: Responses | None = Field(default=None, description="Left out: no such figure.")

    @model_validator(mode="after")
    def _one_source_of_images(self) -> Self:
        sources = [root for root in (self.data.image_folder, self.data.imagenet) if root]
        if len(sources) > 1 or (self.trained_networks and not sources):
            raise ValueError("data: give image_folder or imagenet, and null for the other")
        return self

    @model_validator(mode="after")
    def _generated_or_given(self) -> Self:
        """Images are either all generated or all given: jobs read those that `scenes` draws."""
        if self.scenes is None:
            return self
        scenes = f"{self.paths.artifacts}/scenes"
        roots: dict[str, tuple[str | None, str]] = {
            "data.voc": (self.data.voc, f"{scenes}/VOCdevkit/VOC2007"),
        }
        if self.trained_networks and self.data.imagenet:
            roots["data.imagenet"] = (self.data.imagenet, f"{scenes}/ILSVRC2012")
        elif self.trained_networks:
            roots["data.image_folder"] = (self.data.image_folder, f"{scenes}/ImageFolder")
        if self.transfer:
            roots["transfer.table7.root"] = (self.transfer.table7.root, f"{scenes}/caltech101")
        for key, (root, generated) in roots.items():
            if root != generated:
                raise ValueError(
                    f"scenes: given together with {key}: {root or 'null'}; remove scenes to use "
                    f"images of your own, or write {generated} there to use the generated ones"
                )
        return self

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        networks = {f"detectors.{name}.network": d.network for name, d in self.detectors.items()}
        detectors = {
            "figures.detector": self.figures.detector,
            "table9.baseline": self.table9.baseline,
        }
        detectors |= {f"table9.columns.{i}": name for i, name in enumerate(self.table9.columns)}
        for known, names in ((self.networks, networks), (self.detectors, detectors)):
            for key, name in names.items():
                check_name(key, name, known)
        if self.table9.baseline not in self.table9.columns:
            raise ValueError("table9.baseline: not among table9.columns; add it there")
        return self

    @model_validator(mode="after")
    def _methods_are_set(self) -> Self:
        """Each stage has settings for the methods of the detectors."""
        stages = {"finetune": self.finetune, "svm": self.svm, "bbox": self.bbox}
        for name, detector in self.detectors.items():
            for stage, methods in stages.items():
                if getattr(methods, detector.method) is None:
                    raise ValueError(
                        f"{stage}.{detector.method}: missing, and detectors.{name} needs it"
                        f"{CURES['missing']}"
                    )
        return self

    @model_validator(mode="after")
    def _classifiers_exist(self) -> Self:
        """Names in the tables of classification; the sections for them come together."""
        timing = (self.timing.views, self.timing.training)
        parts = (self.classifiers, self.view_sets, self.errors, *timing)
        if any(parts) and not all(parts):
            raise ValueError(
                "classifiers, view_sets, errors, timing.views, timing.training: give all of them "
                "or none of them"
            )
        if self.classifiers and self.view_sets and self.errors:
            check_errors(self.errors, self.classifiers, self.view_sets)
        levels = {name: own.architecture.levels for name, own in self.all_networks.items()}
        if self.transfer:
            check_transfer(self.transfer, levels)
        if self.responses:
            check_name("responses.network", self.responses.network, levels)
        return self

    @cached_property
    def all_networks(self) -> dict[str, Network]:
        """The networks by name, those of Tables 2 to 5 among them."""
        classifiers = self.classifiers.networks() if self.classifiers else {}
        return {**self.networks, **classifiers}

    @property
    def trained_networks(self) -> list[str]:
        """Names of the networks that are trained on classification."""
        return [name for name, network in self.all_networks.items() if network.training]


def check_settings(config: Mapping[str, Any]) -> Settings:
    """The settings of a configuration as read from its file.

    Raises:
        SppnetError: one line that names the first wrong key, what is wrong and what to do.
    """
    try:
        # As JSON, where a list may be a tuple of the models and no other type is converted.
        settings = Settings.model_validate_json(json.dumps(config, default=str), strict=True)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        raise SppnetError(f"configuration: {_explain(errors, config)}") from None
    for key in _unwritten(settings):
        raise SppnetError(f"configuration: {key}: missing{CURES['missing']}")
    return settings


def _unwritten(value: Any, key: str = "") -> Iterator[str]:
    """Settings that are null or empty without being written down; only groups may be left out.

    Commands need not be given them. In a configuration one that is absent may have been forgotten.
    """
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _unwritten(item, f"{key}{name}.")
    elif isinstance(value, Section):
        for name, item in value:
            absent = item in (None, ()) and name not in value.model_fields_set
            if absent and not any(groups_in(type(value).model_fields[name].annotation)):
                yield f"{key}{name}"
            yield from _unwritten(item, f"{key}{name}.")


def _explain(errors: Iterable[Mapping[str, Any]], config: Mapping[str, Any]) -> str:
    """One line about pydantic's findings: the first, and how many there are besides."""
    # A misspelt key is both missing and unknown: the unknown one tells more.
    first, *others = sorted(errors, key=lambda error: error["type"] != "extra_forbidden")
    more = f" ({len(others)} more after this one)" if others else ""
    key = _key(first["loc"], config)  # a finding of the whole configuration names its keys itself
    cure = CURES.get(first["type"], "; correct its value")
    if isinstance(first["input"], str) and (number := number_hint(first["input"])):
        cure = f", which YAML reads as text; write {number}"
    return f"{key}{': ' if key else ''}{reason(first)}{cure}{more}"


def _key(location: tuple[int | str, ...], values: Mapping[str, Any]) -> str:
    """Dotted path of a finding, without the parts that only name a variant of a section."""
    parts: list[str] = []
    value: Any = values
    for number, part in enumerate(location, start=1):
        last = number == len(location)
        if last and part == "[key]":  # pydantic's mark of a wrong name instead of a wrong value
            break
        if isinstance(value, Mapping) and part not in value and not last:
            continue
        if isinstance(value, Mapping):
            value = value.get(part)
        parts.append(str(part))
    return ".".join(parts)


def json_schema() -> str:
    """The JSON schema with which editors check and complete configuration files."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(schema | Settings.model_json_schema(), indent=1) + "\n"


if __name__ == "__main__":
    print(json_schema(), end="")
