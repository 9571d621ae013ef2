"""`python -m benchmarks [options of benchmarks.ingest]`."""

from benchmarks.ingest import main

main()
