"""`ldapflow demo`: a made-up company, its events, and what becomes of them on real servers."""
