"""What people type, turned into what the services take. The rules are the services'."""
