"""Stop unless every recorded artifact of a configuration is there and complete.

DVC stores what it finds when a stage ends; without this check it would store a folder from which
something was deleted that no table needed to be rebuilt.
"""

import sys
from base64 import urlsafe_b64decode
from pathlib import Path

import yaml


def recorded(kind: str) -> list[str]:
    """Outputs with a record of a kind; Snakemake names records after them, in base64.

    Names longer than a file name may be are split into folders that start with @.
    """
    folder = Path(".snakemake", kind)
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    names = ["".join(part.removeprefix("@") for part in path.parts) for path in files]
    return [urlsafe_b64decode(name).decode() for name in names if name != "migration_underway"]


def main(config: str) -> None:
    """Check the artifacts and results folders that a configuration file names."""
    paths = yaml.safe_load(Path(config).read_text())["paths"]
    own = tuple(Path(paths[name]) for name in ("artifacts", "results"))
    faults = {name: "missing" for name in recorded("metadata") if not Path(name).exists()}
    faults |= dict.fromkeys(recorded("incomplete"), "incomplete")
    faults = {
        name: f for name, f in faults.items() if any(Path(name).is_relative_to(p) for p in own)
    }
    for name, fault in sorted(faults.items()):
        print(f"{name}: {fault}", file=sys.stderr)
    if faults:
        sys.exit(
            f"{len(faults)} recorded outputs are not there; restore them with `dvc checkout`, or "
            "rebuild them with `snakemake --cores all FILE`, or, if they are not wanted any more, "
            "drop the records with `snakemake --cleanup-metadata FILE`"
        )


if __name__ == "__main__":
    main(sys.argv[1])
