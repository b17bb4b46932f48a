"""Simulated Azure: an HTTP service of its own that answers ARM the way Azure does.

It shares nothing with the portal it serves and judges. What is known and what is invented is
listed in docs/azure.md. Loopback only, unless told otherwise.
"""
