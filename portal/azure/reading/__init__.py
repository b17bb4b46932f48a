"""Reading the estate: what is asked of Resource Graph, and what is kept of its answers."""
