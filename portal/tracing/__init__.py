"""Traces: from a click through the wake-up to the call of Azure, for an OpenTelemetry collector.

Loaded only where ``OTEL_EXPORTER_OTLP_ENDPOINT`` is set (see ``portal.apps``). What a span may say
is a list, in ``saying``; whatever else a library hangs on one stays in the process. Traces tell how
long what took; like logs they are no evidence, and losing them loses none.

The libraries' own instrumentation of Django, Celery and psycopg is not used: the first believes the
trace that a client's header names, the second leaves a message that could not be sent open as the
parent of all that its thread does later, and the third is undone by Django's own cursors.
"""
