"""What the portal is made of: known weaknesses, a bill of materials, secrets in the tree.

For developers and CI; none of it is part of the running product.
"""
