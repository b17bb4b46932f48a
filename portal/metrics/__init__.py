"""``/metrics`` for Prometheus: read from the database at each scrape; any process will do."""
