"""A network that every test can afford, a configuration that trains none, and the repository."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import yaml

from sppnet.models.network import Architecture, Network, build_network

ROOT = Path(__file__).resolve().parents[1]


def tiny_network(seed: int = 0, **changes: Any) -> Network:
    """A ZF-5 of a twentieth of its width for two classes; some fields may be other ones."""
    usual = {
        "backbone": "zf5",
        "width": 0.05,
        "levels": (2, 1),
        "fc": 8,
        "classes": ("a", "b"),
        "mean": (128.0,) * 3,
        "std": 58.0,
        "channel_order": "RGB",
    }
    architecture = Architecture(**usual | changes)
    generator = torch.Generator().manual_seed(seed)
    return build_network(architecture, initialisation="he", generator=generator)


def install_package(folder: Path, requirement: str, *files: str) -> Path:
    """A package NAME==VERSION with these files, as pip leaves it in a folder for packages."""
    name, version = requirement.split("==")
    module = name.replace("-", "_")
    about = folder / f"{module}-{version}.dist-info"
    about.mkdir(exist_ok=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (about / "RECORD").write_text("".join(f"{module}/{file},,\n" for file in files))
    (folder / module).mkdir(exist_ok=True)
    for file in files:
        (folder / module / file).touch()
    return folder / module


def repository_files(*suffixes: str) -> Iterator[Path]:
    """Files with these suffixes that git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if Path(name).suffix in suffixes and (ROOT / name).exists():
            yield ROOT / name


def imported_only() -> dict[str, Any]:
    """Photographs with an imported backbone, detection alone, and no training of one's own."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "config/voc07.yaml").read_text())
    for section in ("classifiers", "view_sets", "errors", "responses", "transfer"):
        del config[section]
    config["timing"] = {**config["timing"], "views": None, "training": None}
    config["networks"] = {
        name: network
        for name, network in config["networks"].items()
        if network["imported_backbone"]
    }
    for network in config["networks"].values():
        del network["training"]
    config["data"]["image_folder"] = None
    return config
