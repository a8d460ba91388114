"""Why an account or an organization is in the directory as it is, or is not."""
