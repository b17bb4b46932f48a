"""Web, worker, schedule and simulated Azure under one foreground command: the default for trying
and for developing. Everything that matters is in the database, so it may be killed at any time.
"""
