"""`python -m sppnet`, the same as the `sppnet` command."""

from sppnet.cli import main

main()
