#!/usr/bin/env python
"""Django's command line for Backline."""

import os
import signal
import sys

SERVERS = {"serve", "runweb", "runbot", "sandbox"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if SERVERS & set(sys.argv[1:2]):
        # A signal is the normal end of a server, also during its start: exit with 0 and no traceback. Raising an
        # exception would not work, because some imports catch everything. Unfinished work must survive kill -9 anyway.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: os._exit(0))
    import django
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import ManagementUtility
    from environs import EnvError

    utility = ManagementUtility(sys.argv)
    try:
        if sys.argv[1:2] == ["version"]:  # otherwise Django prints its own version
            django.setup()
            utility.fetch_command("version").run_from_argv(sys.argv)
        else:
            utility.execute()
    except (ImproperlyConfigured, EnvError) as error:
        sys.exit(f"{type(error).__name__}: {error}")  # the operator needs the sentence, not the traceback


if __name__ == "__main__":
    main()
