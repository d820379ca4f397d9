"""One module per command: reads files, calls the stages, writes files."""
