"""HTTP services: health and metrics of every process, and delegated authentication."""
