"""The sponsor's side: whom they invite, and what becomes of it."""
