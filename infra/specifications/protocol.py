"""Makes the tables of docs/protocol.md from the specifications. The prose there is written by hand.

A table is between ``<!-- NAME -->`` and ``<!-- /NAME -->``.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from chalicelib.api.specifications.served import ASYNCAPI, OPENAPI
from infra import ROOT

PAGE = ROOT / "docs" / "protocol.md"

Part = dict[str, Any]
Rows = Iterator[tuple[str, ...]]
"""The rows of a table, starting with its head."""


def page(text: str, documents: Mapping[str, str]) -> str:
    """Return the page with new tables. Raises KeyError for an unknown table."""

    def made(found: re.Match[str]) -> str:
        rows, document = TABLES[found["name"]]
        head, *lines = (_row(cells) for cells in rows(json.loads(documents[document])))
        return "\n".join([found["begin"], head, "|" + "---|" * (head.count(" | ") + 1), *lines, found["end"]])

    block = r"(?P<begin><!-- (?P<name>[a-z ]+) -->)\n.*?(?P<end><!-- /(?P=name) -->)"
    return re.sub(block, made, text, flags=re.DOTALL)


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _routes(document: Part) -> Rows:
    yield "method, path", "who", "does", "answers"
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            who = " or ".join(one["token"][0] for one in operation["security"]) or "anyone"
            yield (
                f"`{method.upper()} {path}`",
                who,
                operation["summary"],
                ", ".join(sorted(operation["responses"])),
            )


def _problems(document: Part) -> Rows:
    yield "`code`", "status", "says"
    contents = [response["content"] for response in document["components"]["responses"].values()]
    problems = [content.get("application/problem+json", {}) for content in contents]
    shown = [example["value"] for one in problems for example in one.get("examples", {}).values()]
    for status, code, title in sorted({(one["status"], one["code"], one["title"]) for one in shown}):
        yield f"`{code}`", str(status), title


def _requests(document: Part) -> Rows:
    yield "a client sends", "which", "and is answered"
    for operation in _operations(document, "receive"):
        answers = " or ".join(f"`{one['name']}`" for one in _messages(document, operation["reply"]))
        for message in _messages(document, operation):
            for example in message["examples"]:
                yield _frame(example), message["summary"], answers


def _answers(document: Part) -> Rows:
    yield ("the service answers",)
    replies = [one["reply"] for one in _operations(document, "receive")]
    messages = {message["name"]: message for reply in replies for message in _messages(document, reply)}
    for message in messages.values():
        for example in message["examples"][:2]:
            yield (_frame(example),)


def _unasked(document: Part) -> Rows:
    yield "the service sends unasked", "when"
    for operation in _operations(document, "send"):
        [message] = _messages(document, operation)
        if message["name"] != "error":  # the table of errors has these
            yield _frame(message["examples"][0]), operation["description"].replace("\n\n", " ")


def _errors(document: Part) -> Rows:
    yield "`code`", "says", "send it again?", "closes", "answers"
    for error in document["components"]["messages"]["error"]["x-errors"]:
        answers = ", ".join(f"`{one}`" for one in error["answers"]) or "nothing: it is sent unasked"
        again = "in a moment" if error["retryable"] else "no"
        yield f"`{error['code']}`", error["title"], again, error["closes"], answers


TABLES: dict[str, tuple[Callable[[Part], Rows], str]] = {
    "routes": (_routes, OPENAPI),
    "problems": (_problems, OPENAPI),
    "requests": (_requests, ASYNCAPI),
    "answers": (_answers, ASYNCAPI),
    "unasked": (_unasked, ASYNCAPI),
    "errors": (_errors, ASYNCAPI),
}
"""The function that makes each table, and the document that it reads."""


def _operations(document: Part, action: str) -> list[Part]:
    return [one for one in document["operations"].values() if one["action"] == action]


def _messages(document: Part, holder: Part) -> list[Part]:
    names = [message["$ref"].rpartition("/")[2] for message in holder["messages"]]
    return [document["components"]["messages"][name] for name in names]


def _frame(example: Part) -> str:
    secret = {"token": "..."} if "token" in example["payload"] else {}
    shown = json.dumps({**example["payload"], **secret}, ensure_ascii=False, separators=(",", ":"))
    return f"`{shown}`"
