"""Azure: which, as whom, and how long an answer is waited for."""

from portal.capacity.prices import parse as parse_prices
from portal.settings.reading import bucket, env, share

AZURE_ENDPOINT = env("AZURE_ENDPOINT", default="https://management.azure.com")
AZURE_SUBSCRIPTIONS = env.list("AZURE_SUBSCRIPTIONS", default=[])
AZURE_CLIENT_ID = env("AZURE_CLIENT_ID", default="")  # of a user-assigned managed identity
# One identity may serve as all three; what each needs stands in portal/azure/roles.py.
AZURE_READER_CLIENT_ID = env("AZURE_READER_CLIENT_ID", default=AZURE_CLIENT_ID)
AZURE_OPENER_CLIENT_ID = env("AZURE_OPENER_CLIENT_ID", default=AZURE_CLIENT_ID)
AZURE_CLOSER_CLIENT_ID = env("AZURE_CLOSER_CLIENT_ID", default=AZURE_CLIENT_ID)
# The one that may change JIT policies. Without it nobody may, whoever else is named.
AZURE_KEEPER_CLIENT_ID = env("AZURE_KEEPER_CLIENT_ID", default="")
AZURE_ALLOW_CLI_SIGN_IN = env.bool("AZURE_ALLOW_CLI_SIGN_IN", default=False)
AZURE_SIMULATED = False
ESTATE_SECONDS = 900.0  # between two complete readings of the estate
AZURE_TIMEOUT_SECONDS = 10.0  # for one answer of Azure
AZURE_SIMULATED_HOSTS = env.list("AZURE_SIMULATED_HOSTS", default=[])  # a compose service's name
AZURE_POLL_SECONDS = 1.0
# What Azure lets one identity do in one subscription: so many calls at once, and so many more each
# second. Microsoft documents these figures. Every POST is a write, also one that reads.
AZURE_BUDGET_READS = bucket("AZURE_BUDGET_READS", env("AZURE_BUDGET_READS", default="250,25"))
AZURE_BUDGET_WRITES = bucket("AZURE_BUDGET_WRITES", env("AZURE_BUDGET_WRITES", default="200,10"))
AZURE_BUDGET_DELETES = bucket("AZURE_BUDGET_DELETES", env("AZURE_BUDGET_DELETES", default="200,10"))
AZURE_BUDGET_FOR_CLOSES = share(  # kept for closing
    "AZURE_BUDGET_FOR_CLOSES", env.float("AZURE_BUDGET_FOR_CLOSES", default=0.3)
)

BASTION_PRICES = parse_prices(env("BASTION_PRICES", default=""))  # None: costs are not shown
# A machine whose name or tags match is taken for a jump box: any case, anywhere in the name.
BASTION_JUMP_BOXES = (
    env("BASTION_JUMP_BOXES", default="") or r"jump|bastion|(^|[^a-z])hop([^a-z]|$)"
)
