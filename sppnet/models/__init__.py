"""Backbones, networks, weights and the training loop."""
