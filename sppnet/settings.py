"""What a configuration file may say, checked in one line, and as a JSON schema.

python -m sppnet.settings > workflow/schemas/config.schema.json
"""

import json
from collections.abc import Mapping
from itertools import product
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from sppnet.classification_sections import (
    Classifiers,
    ErrorTables,
    Responses,
    Table1,
    Transfer,
    ViewSet,
)
from sppnet.errors import SppnetError
from sppnet.sections import (
    Bboxes,
    Data,
    Detection,
    Detector,
    Evaluation,
    Figures,
    FineTunings,
    Name,
    Network,
    Paths,
    Proposals,
    Scenes,
    Section,
    Store,
    Svms,
    Table9,
    Timing,
)
from sppnet.settings_names import check_errors, check_name, check_transfer


class Settings(Section):
    """A whole configuration file."""

    paths: Paths
    scenes: Scenes | None = Field(default=None, description="The generated set, where it is used.")
    data: Data
    store: Store | None = Field(default=None, description="Left out: decoded into memory.")
    networks: dict[Name, Network] = Field(min_length=1)
    proposals: Proposals
    detectors: dict[Name, Detector] = Field(min_length=1)
    finetune: FineTunings
    svm: Svms
    bbox: Bboxes
    detection: Detection
    evaluation: Evaluation
    timing: Timing
    figures: Figures
    table9: Table9
    table1: Table1 | None = Field(default=None, description="Left out: no Table 1.")
    classifiers: Classifiers | None = Field(default=None, description="Left out: no Tables 2-5.")
    view_sets: dict[Name, ViewSet] | None = Field(default=None, description="View sets by name.")
    errors: ErrorTables | None = Field(default=None, description="What Tables 2 to 5 show.")
    transfer: Transfer | None = Field(default=None, description="Left out: no Tables 6-8.")
    responses: Responses | None = Field(default=None, description="Left out: no such figure.")

    @model_validator(mode="after")
    def _one_source_of_images(self) -> Self:
        if (self.data.image_folder is None) == (self.data.imagenet is None):
            raise ValueError("data: give image_folder or imagenet, and null for the other")
        return self

    @model_validator(mode="after")
    def _other_images_test(self) -> Self:
        if self.data.test == self.data.trainval:
            raise ValueError(
                f"data.test: {self.data.test}, as data.trainval; test on other images than those "
                "that are learnt from"
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
    def _classifiers_exist(self) -> Self:
        """Names in the tables of classification; the sections for them come together."""
        parts = (
            self.classifiers,
            self.view_sets,
            self.errors,
            self.timing.views,
            self.timing.training,
        )
        if any(parts) and not all(parts):
            raise ValueError(
                "classifiers, view_sets, errors, timing.views, timing.training: give all of them "
                "or none of them"
            )
        if self.classifiers and self.view_sets and self.errors:
            check_errors(self.errors, self.classifiers, self.view_sets)
        levels = self._levels()
        if self.transfer:
            check_transfer(self.transfer, levels)
        if self.responses:
            check_name("responses.network", self.responses.network, levels)
        return self

    def _levels(self) -> dict[str, list[int]]:
        """Pyramid of every network, those of the tables of classification too, by its name."""
        found = {name: network.architecture.levels for name, network in self.networks.items()}
        if self.classifiers:
            own = self.classifiers
            found |= {
                f"{backbone}-{name}-{seed}": variant.levels
                for backbone, (name, variant), seed in product(
                    own.backbones, own.variants.items(), own.seeds
                )
            }
        return found


def check_settings(config: Mapping[str, Any]) -> Settings:
    """The settings of a configuration as read from its file.

    Raises:
        SppnetError: one line that names the first wrong key, what is wrong and what to do.
    """
    try:
        return Settings.model_validate(config)
    except ValidationError as error:
        # a misspelt key is both missing and unknown: the unknown one tells more
        found = error.errors(include_url=False)
        first, *others = sorted(found, key=lambda each: each["type"] != "extra_forbidden")
        more = f" ({len(others)} more after this one)" if others else ""
        raise SppnetError(f"configuration: {_explain(first, config)}{more}") from None


def _explain(error: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """One line about one of pydantic's findings."""
    key = _key(error["loc"], config)
    if error["type"] == "missing":
        return f"{key}: missing; add it as in config/mini.yaml"
    if error["type"] == "extra_forbidden":
        return f"{key}: no such setting; correct its name or remove it"
    if error["type"] == "value_error":
        found = str(error["ctx"]["error"])  # of the whole configuration: names its keys itself
        return f"{key}: {found}" if key else found
    return f"{key}: {error['msg'].lower()}, not {error['input']!r}; correct its value"


def _key(location: tuple[int | str, ...], config: Mapping[str, Any]) -> str:
    """Dotted path of a finding, without the parts that only name a variant of a section."""
    parts: list[str] = []
    place: Any = config
    for number, part in enumerate(location, start=1):
        last = number == len(location)
        if last and part == "[key]":  # pydantic's mark of a wrong name instead of a wrong value
            break
        if isinstance(place, Mapping) and part not in place and not last:
            continue
        if isinstance(place, Mapping):
            place = place.get(part)
        parts.append(str(part))
    return ".".join(parts)


def json_schema() -> str:
    """The JSON schema that Snakemake and editors check configuration files against."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(schema | Settings.model_json_schema(), indent=1) + "\n"


if __name__ == "__main__":
    print(json_schema(), end="")
