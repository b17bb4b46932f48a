"""Kind 2: a Bastion shareable link. Azure gives links no end of their own; the engine does."""
