"""The configuration: what every setting is, and how a file of settings is checked."""
