"""`ldapflow check`: proves what a run needs, one group of checks in each file."""
