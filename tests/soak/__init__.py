"""Delivery under every sort of rebalance; short forms run in CI, long ones by scripts/soak."""
