"""Settings: the only reader of the environment.

``embedded``    one process, SQLite, simulated Azure, demo sign-in. For trying and for developing.
``production``  PostgreSQL, Redis, real Azure. Refuses to start with anything from the demo.
``trial``       production's parts with the simulator and demo sign-in, on this machine only.
``testing``     what the test suite runs on.

``base`` is what they share, with ``api``, ``azure``, ``entra``, ``headers``, ``logs``, ``notices``
and ``tasks`` for what belongs together.
"""
