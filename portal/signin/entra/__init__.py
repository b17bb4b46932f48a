"""Sign-in with Microsoft Entra, through MSAL: one tenant, authorization code flow with PKCE.

MSAL speaks to Entra and, since 1.38, only decodes what it gets. Whom a token speaks of counts once
``tokens`` has validated it, and nowhere before. Identity is the pair of tenant and object id;
names and mail are shown, never compared.

Nothing in this package may write a token, a code, a state, a nonce or a secret into a log, the
ledger, an address of ours or the text of an exception: see ``problems``.
"""
