"""``python -m bastion_access``."""

from bastion_access.app import main

main()
