"""Outside witnesses: programs that are not ours, asked what they make of simulated Azure."""
