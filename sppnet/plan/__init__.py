"""Which file is made of what: what the workflow asks before and while it plans."""
