"""The whole estate verified: judged after each reading, shown to administrators and auditors."""
