"""What every page shares: the shell around it, its headers, the person's time zone, errors."""
