"""The directory: who people are and which roles they hold, as Microsoft Entra says.

Nothing is decided here. What was read is written to people, and the core goes by that.
"""
