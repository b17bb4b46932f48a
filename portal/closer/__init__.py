"""The second closer: a process of its own that closes what the engine forgot.

It shares nothing with the engine but the database, and does without that, too: it goes by grants
while PostgreSQL answers and by the deadline manifests while it does not. It can open nothing, takes
no lease, writes no grant, and asks nobody but Azure what is open. What it did, the ledger is told.
"""
