"""What web workers share: `runweb` forks them from a process that has imported this module.

Nothing here may start a thread, open a connection, or create what must differ between processes.
"""

from __future__ import annotations

import gc
import signal
from importlib import import_module

import django

signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group, and `runweb` stops the workers
django.setup(set_prefix=False)
for name in ("config.handler", "config.routing", "config.urls"):  # they need the apps to be ready
    import_module(name)
gc.freeze()  # otherwise each worker's collector would write to the memory that they share
