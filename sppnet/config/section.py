"""What every group of settings is: the model that checks a configuration and makes options.

A group is declared once, in the `settings` module of the room that it configures. Stages take it,
configurations are validated by it, `sppnet` makes its options of it (each field is one, whatever
the depth), and rules turn it into flags.
"""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self, TypeVar, get_args, get_origin

from cyclopts import Parameter
from pydantic import BaseModel, ConfigDict, Field

from sppnet.errors import SppnetError


@dataclass(frozen=True)
class Unit:
    """What a number counts or measures."""

    name: str


Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Overlap = Annotated[float, Field(ge=0, le=1), Unit("IoU")]
Pixels = Annotated[int, Field(ge=1), Unit("pixels")]
PixelRange = Annotated[tuple[Count, Count], Unit("pixels")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]
Seed = Annotated[int, Field(ge=0)]
SEED = "Seed of all random choices of the stage."


@Parameter(name="*")
class Section(BaseModel):
    """A group of settings; it accepts no unknown key and cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def of(cls, wider: "Section") -> Self:
        """The values that a wider group of settings has for these fields."""
        return cls(**{name: getattr(wider, name) for name in cls.model_fields})


Group = TypeVar("Group")


def required(group: Group | None, key: str) -> Group:
    """A group of settings that a configuration may leave out, where it is needed.

    Raises:
        SppnetError: it is left out.
    """
    if group is None:
        raise SppnetError(f"{key}: missing; add it as in config/mini.yaml")
    return group


def groups_in(annotation: Any) -> Iterator[tuple[type[Section], bool]]:
    """Groups of settings in a type, and whether they come by name."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation, False
    elif get_origin(annotation) is dict:
        yield from ((model, True) for model, _ in groups_in(get_args(annotation)[1]))
    else:
        for part in get_args(annotation):
            yield from groups_in(part)


def flags(*settings: Section | Mapping[str, Any]) -> str:
    """Settings as options of a command.

    Fields of groups within groups are options too. A list is one option with several values, a
    switch is --x or --no-x; null and empty lists are left out.
    """
    return " ".join(word for group in settings for word in _words(group))


def _words(group: Section | Mapping[str, Any]) -> Iterator[str]:
    for name, value in group.items() if isinstance(group, Mapping) else group:
        option = name.replace("_", "-")
        if isinstance(value, Section):
            yield from _words(value)
        elif isinstance(value, bool):
            yield f"--{option}" if value else f"--no-{option}"
        elif value not in (None, (), []):
            values = value if isinstance(value, list | tuple) else [value]
            yield " ".join([f"--{option}", *(shlex.quote(str(item)) for item in values)])
