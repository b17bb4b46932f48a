"""Kind 1: a just-in-time port window (Microsoft Defender for Cloud)."""
