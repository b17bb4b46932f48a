"""The environment: read by settings modules, through this, and by nothing else."""

import os
from pathlib import Path

import environ

ROOT = Path(__file__).resolve().parents[2]
env = environ.FileAwareEnv()  # NAME_FILE reads NAME from a file, for mounted secrets
# A compose file passes what is not set as empty text, and azure-identity takes that for a secret.
for name in [key for key, value in os.environ.items() if key.startswith("AZURE_") and not value]:
    del os.environ[name]
