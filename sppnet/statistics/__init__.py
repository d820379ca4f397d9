"""Statistics of results: average precision, resampling, intervals and tests."""
