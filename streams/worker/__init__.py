"""The worker: Faust agents that turn events into entries, made safe against every rebalance."""
