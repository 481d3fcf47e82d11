"""The `stepwedge` command."""

from __future__ import annotations

import sys

from service.cli.program import app
from service.errors import StepwedgeError


def main() -> None:
    """Run a subcommand; what goes wrong in a known way is one line, not a traceback."""
    try:
        app()
    except StepwedgeError as error:
        print(f"stepwedge: {error}", file=sys.stderr)  # noqa: T201 - this is where the command speaks
        sys.exit(1)
    except ModuleNotFoundError as error:
        print(f"stepwedge: {error.name} is not installed; try: pip install 'stepwedge[serve,worker]'", file=sys.stderr)  # noqa: T201 - likewise
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
