"""Generated and real image sets, their manifest, and large arrays on disk."""
