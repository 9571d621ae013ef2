"""What patients take along: ZIP archives with originals, pictures and a viewer, prepared by the worker."""
