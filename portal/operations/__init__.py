"""Is closing working? What the database knows of that: for the page and for the metrics."""
