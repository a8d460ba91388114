"""The only LDAP input and output: makes the directory what it should be."""
