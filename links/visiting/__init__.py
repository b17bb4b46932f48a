"""The vendor's side: what somebody without an account may do with what they were invited to."""
