"""Metrics and traces: docs/operations.md."""

from portal.settings.reading import env

# Whoever scrapes /metrics shows it as a bearer token; without it there are no metrics.
METRICS_TOKEN = env("METRICS_TOKEN", default="")
# An OpenTelemetry collector, such as https://collector.example.com:4318. Empty: no traces, and
# nothing of OpenTelemetry is loaded. The other OTEL_* are read by its own library.
OTEL_EXPORTER_OTLP_ENDPOINT = env("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
