"""OHIF, unmodified, before a real gateway. Not part of the whole suite: `make test-ohif` fetches the viewer and runs them."""
