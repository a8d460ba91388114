"""LDAP version 3 (RFC 4511) over asyncio: one connection, many requests in flight."""
