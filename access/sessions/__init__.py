"""Who is connected: whose turn it is to read a host, what was seen, and sessions to be ended.

The core knows no cloud. A worker asks Azure between a turn's beginning and its end, and no
transaction is open meanwhile.
"""
