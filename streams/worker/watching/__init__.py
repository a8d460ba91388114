"""Notices when an entity must be looked at again, and asks its owner to (design section 4, "One way in")."""
