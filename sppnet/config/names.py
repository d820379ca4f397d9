"""Checks that names in a configuration are defined in the section that they refer to.

A check raises `ValueError` with one line for the user: the setting, and the names to choose from.
"""

from collections.abc import Collection, Iterator, Mapping
from operator import attrgetter
from typing import Any

from sppnet.classify.settings import Classifiers, Transfer, TransferColumn, ViewSet
from sppnet.report.settings import ErrorTables

# The pyramid of a network without pyramid pooling: the 6 x 6 level alone.
PLAIN_LEVELS = (6,)
# Settings of `errors` that hold names, by the section that defines these names.
REFERENCES = {
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
    """Check that a name is known.

    Raises:
        ValueError: the name is unknown.
    """
    if name not in known:
        raise ValueError(f"{key}: there is no {name!r}; choose from {', '.join(known)}")


def check_errors(
    errors: ErrorTables, classifiers: Classifiers, view_sets: Mapping[str, ViewSet]
) -> None:
    """Check that the backbones, variants and view sets of Tables 2 to 5 are defined.

    Raises:
        ValueError: a name is not defined; the message has the first.
    """
    known: dict[str, Collection[str]] = {
        "backbones": classifiers.backbones,
        "variants": classifiers.variants,
        "view_sets": view_sets,
    }
    members = errors.table5.members
    pairs = {"backbones": [pair[0] for pair in members], "variants": [pair[1] for pair in members]}
    for section, keys in REFERENCES.items():
        names = {key: attrgetter(key)(errors) for key in keys}
        names |= {"table5.members": pairs[section]} if section in pairs else {}
        for key, name in _leaves(names, "errors"):
            check_name(key, name, known[section])


def _leaves(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """All strings in nested lists and mappings, with their dotted keys."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, f"{key}.{name}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{key}.{index}")


def check_transfer(transfer: Transfer, levels: Mapping[str, tuple[int, ...]]) -> None:
    """Check that the networks, columns and layers of Tables 6 to 8 exist.

    Args:
        transfer: section of Tables 6 to 8.
        levels: bins per side of each pyramid level, by network.

    Raises:
        ValueError: one does not exist; the message has the first.
    """
    table6, table7, table8 = transfer.table6, transfer.table7, transfer.table8
    for table, columns in (("table6", table6.columns), ("table7", table7.columns)):
        for name, column in columns.items():
            check_name(f"transfer.{table}.columns.{name}.network", column.network, levels)
    check_name("transfer.table7.warped", table7.warped, table7.columns)
    # The warped result is a row, not a column of the table.
    beside = [name for name in table7.columns if name != table7.warped]
    check_name("transfer.table7.warped_beside", table7.warped_beside, beside)
    _check_layer("transfer.table7.warped", "spp", table7.columns[table7.warped], levels)
    for key, layer, columns in (
        ("voc07", table8.voc07_layer, table6.columns),
        ("caltech101", table8.caltech101_layer, table7.columns),
    ):
        name = getattr(table8, key)
        check_name(f"transfer.table8.{key}", name, columns)
        _check_layer(f"transfer.table8.{key}_layer", layer, columns[name], levels)


def _check_layer(
    key: str, layer: str, column: TransferColumn, levels: Mapping[str, tuple[int, ...]]
) -> None:
    """Check that a column has features of a layer."""
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
