"""Everything that is run to see whether ldapflow does what it promises."""
