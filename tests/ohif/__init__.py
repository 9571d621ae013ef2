"""OHIF, unmodified, before a real gateway: `make test-ohif` fetches the viewer and runs these, `make test` does not."""
