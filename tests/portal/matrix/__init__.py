"""The matrix of permissions: every address, by every method, as every visitor.

``world`` is what is there and who comes; ``addresses`` says which object of the world each address
names, and ``sent`` what is sent to it; ``walk`` asks; ``rules`` must hold of whatever was found;
``table`` writes it down as docs/matrix.txt and reads it again.

When an address is new, the test says what is missing: the object for the address in ``OBJECTS``,
what is sent in ``BODIES``. Then ``python -m tests.portal.matrix --write`` writes the table anew.
Read what it printed as an attacker would, before it is committed.
"""
