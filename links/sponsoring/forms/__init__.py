"""What sponsors and administrators type."""
