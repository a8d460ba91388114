"""Real servers on this machine, in temporary folders: what `ldapflow demo` shows and what the tests run against."""
