"""The vendor's pages. None knows the portal's sessions, and none shows a name from inside."""
