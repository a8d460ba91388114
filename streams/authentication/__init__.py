"""Delegated authentication: whoever may ask whether a login and a password go together (contract section 6)."""
