"""The core: who asked for what, who let them in, what is open, and the proof of it.

Knows no kind of access and no cloud; kinds plug in through ``access.kinds``.
"""
