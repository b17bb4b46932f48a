"""Signing in: another service vouches for a person; we never hold a password."""
