"""Nothing has become several times slower; what `benchmarks` measures in earnest is not measured here."""
