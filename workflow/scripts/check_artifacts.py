"""Stop where an artifact of a configuration is missing, or not complete, that no run would rebuild.

DVC stores what it finds when a stage ends; without this check it would store a folder from which
something was deleted that no table needed to be rebuilt.
"""

import subprocess
import sys

SUMMARY = ["snakemake", "--summary", "--configfile"]


def lost(summary: str) -> list[str]:
    """Files that Snakemake misses and does not plan to make, from its summary."""
    heading, *lines = (line.split("\t") for line in summary.splitlines())
    rows = [dict(zip(heading, line, strict=True)) for line in lines]
    kept = [row for row in rows if row["plan"] == "no update"]
    return [row["output_file"] for row in kept if row["status"] == "missing"]


def main(config: str) -> None:
    """Check all that the tables and figures of a configuration depend on."""
    done = subprocess.run([*SUMMARY, config], check=False, text=True, capture_output=True)
    if done.returncode:
        sys.exit(done.stderr)
    files = lost(done.stdout)
    if files:
        sys.exit(
            f"{files[0]}: missing, one of {len(files)} such artifacts; restore them with `dvc "
            f"checkout`, or build them with `snakemake --cores all --configfile {config} -- FILE`"
        )


if __name__ == "__main__":
    main(sys.argv[1])
