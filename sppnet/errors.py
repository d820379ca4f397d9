"""The project's own error: a wrong input or setting, said in one line with its cure."""


class SppnetError(Exception):
    """Raised for bad input; the message names the file or setting, what is wrong and what to do."""
