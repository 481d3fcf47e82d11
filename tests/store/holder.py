"""A process that holds an embedded server until its input ends: `python -m tests.store.holder DATA_DIR [TIE]`. Prints the URL."""

from __future__ import annotations

import sys
from pathlib import Path

from service.store.embedded import embedded_postgres, server


def main() -> None:
    """Hold on through an interrupt from the terminal, as a service does that still has rows to write."""
    server.TIE = (sys.argv[2:] or [server.TIE])[0]
    with embedded_postgres(Path(sys.argv[1])) as url:
        try:
            say(url)  # from here on the test may interrupt us
            sys.stdin.read()
        except KeyboardInterrupt:
            say("interrupted")
            sys.stdin.read()


def say(line: str) -> None:
    """Tell the test that waits for it."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
