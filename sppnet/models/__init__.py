"""Trunks, networks, weights and the training loop."""
