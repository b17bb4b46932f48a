"""The pages. Each write calls exactly one service; reading never changes anything."""
