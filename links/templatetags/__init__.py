"""What the core's pages show of vendors."""
