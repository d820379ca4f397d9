"""Names in a configuration that must exist elsewhere in it, each in the section that it belongs to.

A check raises `ValueError` with the line that a user reads: the setting, and what to choose from.
"""

from collections.abc import Collection, Iterator, Mapping
from operator import attrgetter
from typing import Any

from sppnet.classify.settings import Classifiers, Transfer, TransferColumn, ViewSet
from sppnet.report.settings import ErrorTables

# What the pyramid of a network without pyramid pooling is: its 6 x 6 level alone.
PLAIN_LEVELS = (6,)
# Settings of `errors` that name something, by the section that it stands in.
NAMED = {
    "backbones": (
        *("table3.backbones", "table4.backbone"),
        *("ablations.fewer_bins_backbone", "ablations.random_size_backbone"),
    ),
    "variants": (
        *("table2.variants", "table3.variants", "table4.variant"),
        *("ablations.fewer_bins", "ablations.random_size"),
    ),
    "view_sets": (
        *("table2.view_set", "table3.crop", "table3.full", "table5.view_set"),
        *(f"table4.{name}" for name in ("views_10", "views_96", "views_98", "crops", "maps")),
    ),
}


def check_name(key: str, name: str, known: Collection[str]) -> None:
    """Refuse a name that is not among the known ones.

    Raises:
        ValueError: it is not.
    """
    if name not in known:
        raise ValueError(f"{key}: there is no {name!r}; choose from {', '.join(known)}")


def check_errors(
    errors: ErrorTables, classifiers: Classifiers, view_sets: Mapping[str, ViewSet]
) -> None:
    """Refuse backbones, variants and view sets of Tables 2 to 5 that are not in their own sections.

    Raises:
        ValueError: the first of them.
    """
    known: dict[str, Collection[str]] = {
        "backbones": classifiers.backbones,
        "variants": classifiers.variants,
        "view_sets": view_sets,
    }
    members = errors.table5.members
    pairs = {"backbones": [pair[0] for pair in members], "variants": [pair[1] for pair in members]}
    for section, keys in NAMED.items():
        names = {key: attrgetter(key)(errors) for key in keys}
        names |= {"table5.members": pairs[section]} if section in pairs else {}
        for key, name in _leaves(names, "errors"):
            check_name(key, name, known[section])


def _leaves(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """All texts in nested lists and mappings, with their dotted keys."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, f"{key}.{name}")
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{key}.{number}")


def check_transfer(transfer: Transfer, levels: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse networks, columns and layers of Tables 6 to 8 that do not exist.

    Args:
        transfer: its section.
        levels: bins per side of each pyramid level, by network.

    Raises:
        ValueError: the first of them.
    """
    six, seven, eight = transfer.table6, transfer.table7, transfer.table8
    for table, columns in (("table6", six.columns), ("table7", seven.columns)):
        for name, column in columns.items():
            check_name(f"transfer.{table}.columns.{name}.network", column.network, levels)
    check_name("transfer.table7.warped", seven.warped, seven.columns)
    beside = [name for name in seven.columns if name != seven.warped]  # it has no column itself
    check_name("transfer.table7.warped_beside", seven.warped_beside, beside)
    _check_layer("transfer.table7.warped", "spp", seven.columns[seven.warped], levels)
    for key, layer, columns in (
        ("voc07", eight.voc07_layer, six.columns),
        ("caltech101", eight.caltech101_layer, seven.columns),
    ):
        name = getattr(eight, key)
        check_name(f"transfer.table8.{key}", name, columns)
        _check_layer(f"transfer.table8.{key}_layer", layer, columns[name], levels)


def _check_layer(
    key: str, layer: str, column: TransferColumn, levels: Mapping[str, tuple[int, ...]]
) -> None:
    """Refuse a layer that a column has no features of."""
    if layer in ("conv4", "conv5") and column.input == "full":
        raise ValueError(
            f"{key}: maps of full images differ in size, so there is no {layer}; "
            "choose from pool, spp, fc6, fc7"
        )
    if layer == "spp" and levels[column.network] == PLAIN_LEVELS:
        raise ValueError(
            f"{key}: {column.network} has no pyramid, so there is no spp; "
            "choose another layer or network"
        )
