"""What follows a command's help: lines that can be typed as they are."""


def examples(*arguments: str) -> str:
    """Return a click epilog with a line for each; the backspace keeps click from filling them into one."""
    return "\n".join(["\b", "Examples:", *(f"  python -m infra {one}" for one in arguments)])
