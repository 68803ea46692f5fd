"""``python -m infra.cli``: the command for a process that this project starts, from its own folder."""

from infra.cli import main

if __name__ == "__main__":
    main()
