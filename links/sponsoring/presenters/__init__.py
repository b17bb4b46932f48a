"""Vendors as pages show them."""
