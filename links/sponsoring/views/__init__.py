"""Pages about vendors, for people with an account."""
