"""Files that come with an installed Python package, such as weights from the package index."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from sppnet.errors import SppnetError


def packaged_file(requirement: str, suffix: str) -> Path:
    """The only file with a suffix in an installed package.

    Args:
        requirement: NAME==VERSION, as pip takes it.
        suffix: of the file, with its dot.

    Raises:
        SppnetError: not installed, in another version, or without exactly one such file.
    """
    name, _, version = requirement.partition("==")
    try:
        package = distribution(name)
    except PackageNotFoundError:
        raise SppnetError(f"package {name}: not installed; pip install {requirement}") from None
    if package.version != version:
        raise SppnetError(
            f"package {name}: {package.version} is installed, not {version}; "
            f"pip install {requirement}"
        )
    files = [Path(str(file.locate())) for file in package.files or () if file.suffix == suffix]
    if len(files) != 1 or not files[0].is_file():
        raise SppnetError(
            f"package {name}: holds {len(files)} {suffix} files instead of one; "
            f"pip install --force-reinstall {requirement}"
        )
    return files[0]
