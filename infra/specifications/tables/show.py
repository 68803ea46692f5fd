"""Formats the small night for docs/tables.md."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from infra.specifications.tables.example_night import Item
from infra.specifications.tables.meter import Cost

LONG = ("envelope", "answer")
"""Attributes that are JSON text. Each event of an item gets its own line."""


def items(by_table: Mapping[str, Sequence[Item]]) -> str:
    """Return the items of all tables: a line for an item's keys, one for its values, and its JSON texts."""
    lines: list[str] = []
    for table, found in by_table.items():
        lines += [f"[{table}]", ""]
        for item in found:
            short = {name: value for name, value in item.items() if name not in {"PK", "SK", *LONG}}
            lines.append(f"{item['PK']:32} {item['SK']}")
            lines += [f"    {_values(short)}"] * bool(short)
            lines += [
                f"    {name}: {line}" for name in LONG for line in item.get(name, "").splitlines() if line
            ]
        lines.append("")
    return "\n".join(lines).rstrip()


def costs(measured: Iterable[Cost]) -> str:
    """Return a line for each access with its units and calls."""
    lines = [f"{'access':42} {'read':>5} {'write':>5}  calls"]
    for cost in measured:
        calls = [f"{times} {name}" if times > 1 else name for name, times in Counter(cost.calls).items()]
        lines.append(f"{cost.access:42} {cost.read:5g} {cost.write:5g}  {', '.join(calls) or 'none'}")
    return "\n".join(lines)


def page(text: str, what: str, shown: str) -> str:
    """Return the page with a command's new output in the block that begins with that command."""
    block = re.compile(rf"(```text\n\$ {re.escape(command_line(what))}\n).*?(\n```)", re.DOTALL)
    return block.sub(lambda found: found[1] + shown + found[2], text)


def command_line(what: str) -> str:
    """Return the command line for it."""
    return f"gamenight dev tables {what}"


def _values(rest: Item) -> str:
    return "  ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in rest.items())
