"""The JSON API: the same services and the same policy as the pages."""
