"""Lets this project start the command from its own folder, with ``python -m infra.cli``."""

from infra.cli import main

if __name__ == "__main__":
    main()
