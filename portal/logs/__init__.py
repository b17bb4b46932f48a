"""What the processes say of themselves: one event, one line, and never a secret.

``formats`` write a record; ``redaction`` takes out what should not have got there in the first
place; ``trail`` is what a record belongs to: a request, a person, a task; ``requests`` and
``tasks`` lay that trail; ``server`` makes gunicorn speak the same way.
"""

from portal.logs.formats import OneLine, OneObject

__all__ = ["OneLine", "OneObject"]
