"""Object detection on cached feature maps, and the R-CNN baseline."""
