"""``python -m portal.azure.simulator``: see ``--help``."""

import sys

from portal.azure.simulator.commandline import main

if __name__ == "__main__":
    sys.exit(main())
