"""Image classification: pretraining and multi-view testing."""
