"""``python -m tests.portal.matrix``: measure and show what changed; ``--write``: and write it."""

from __future__ import annotations

import os
import sys

import pytest

TEST = "tests/portal/test_matrix.py::test_everybody_gets_what_the_table_says"


def main() -> int:
    if "--write" in sys.argv[1:]:
        os.environ["MATRIX_WRITE"] = "1"
    return pytest.main(["-q", "-s", "--show-capture=no", "-p", "no:cacheprovider", TEST])


if __name__ == "__main__":
    sys.exit(main())
