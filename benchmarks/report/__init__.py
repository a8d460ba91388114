"""What benchmarks have found, as plots and tables: nothing in `docs/performance.md` is typed by hand."""
