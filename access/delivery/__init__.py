"""What leaves the outbox: mail, Teams, Slack and webhooks, each notice at least once.

Nothing here decides about access, and nothing about access waits for it. A message holds links to
pages and nothing else that could act: whoever follows one signs in and decides there.
"""
