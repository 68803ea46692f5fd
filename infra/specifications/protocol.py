"""The tables of docs/protocol.md, made from the specifications; its prose is written by hand.

A table stands between ``<!-- NAME -->`` and ``<!-- /NAME -->``, and is replaced there.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from chalicelib.api.specifications.served import ASYNCAPI, OPENAPI
from infra import ROOT

PAGE = ROOT / "docs" / "protocol.md"

Document = dict[str, Any]


def page(text: str, documents: Mapping[str, str]) -> str:
    """Return the page with each table as the documents have it now. Raises KeyError for an unknown table."""
    openapi, asyncapi = json.loads(documents[OPENAPI]), json.loads(documents[ASYNCAPI])

    def made(found: re.Match[str]) -> str:
        table, document = TABLES[found["name"]]
        lines = "\n".join(table(openapi if document == OPENAPI else asyncapi))
        return f"{found['begin']}\n{lines}\n{found['end']}"

    block = r"(?P<begin><!-- (?P<name>[a-z ]+) -->)\n.*?(?P<end><!-- /(?P=name) -->)"
    return re.sub(block, made, text, flags=re.DOTALL)


def _routes(document: Document) -> Iterator[str]:
    yield from _head("method, path", "who", "does", "answers")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if "operationId" not in operation:
                continue
            who = " or ".join(role for one in operation.get("security", []) for role in one.get("token", []))
            answers = ", ".join(sorted(operation["responses"]))
            yield _row(f"`{method.upper()} {path}`", who or "anyone", operation["summary"], answers)


def _problems(document: Document) -> Iterator[str]:
    yield from _head("`code`", "status", "says")
    found = set()
    for response in document["components"]["responses"].values():
        problem = response["content"].get("application/problem+json", {})
        for example in problem.get("examples", {"": {"value": problem.get("example", {})}}).values():
            value = example["value"]
            if "code" in value:
                found.add((value["status"], value["code"], value["title"]))
    for status, code, title in sorted(found):
        yield _row(f"`{code}`", str(status), title)


def _requests(document: Document) -> Iterator[str]:
    yield from _head("a client sends", "which", "and is answered")
    for operation in document["operations"].values():
        if operation["action"] != "receive":
            continue
        for message in _messages(document, operation):
            answers = [reply["name"] for reply in _messages(document, operation["reply"])]
            for example in message["examples"]:
                yield _row(_frame(example), message["summary"], " or ".join(f"`{one}`" for one in answers))


def _answers(document: Document) -> Iterator[str]:
    yield from _head("the service answers")
    replies = [operation["reply"] for operation in document["operations"].values() if "reply" in operation]
    messages = {message["name"]: message for reply in replies for message in _messages(document, reply)}
    for message in messages.values():
        for example in message["examples"][:2]:
            yield _row(_frame(example))


def _unasked(document: Document) -> Iterator[str]:
    yield from _head("the service sends unasked", "when")
    for operation in document["operations"].values():
        if operation["action"] == "send":
            for message in _messages(document, operation):
                if message["name"] == "error":
                    continue  # the table of errors says which of them come unasked
                example = next(one for one in message["examples"] if "cursor" not in one["payload"])
                yield _row(_frame(example), operation["description"].replace("\n\n", " "))


def _errors(document: Document) -> Iterator[str]:
    yield from _head("`code`", "says", "send it again?", "closes", "answers")
    for error in document["components"]["messages"]["error"]["x-errors"]:
        answers = ", ".join(f"`{one}`" for one in error["answers"]) or "nothing: it is sent unasked"
        yield _row(
            f"`{error['code']}`",
            error["title"],
            "in a moment" if error["retryable"] else "no",
            error["closes"],
            answers,
        )


TABLES: dict[str, tuple[Callable[[Document], Iterator[str]], str]] = {
    "routes": (_routes, OPENAPI),
    "problems": (_problems, OPENAPI),
    "requests": (_requests, ASYNCAPI),
    "answers": (_answers, ASYNCAPI),
    "unasked": (_unasked, ASYNCAPI),
    "errors": (_errors, ASYNCAPI),
}
"""What makes each table, and of which document."""


def _messages(document: Document, holder: Document) -> list[Document]:
    names = [message["$ref"].rpartition("/")[2] for message in holder["messages"]]
    return [document["components"]["messages"][name] for name in names]


def _frame(example: Document) -> str:
    payload = {**example["payload"]}
    if "token" in payload:
        payload["token"] = "..."  # noqa: S105 - what stands for one
    return f"`{json.dumps(payload, ensure_ascii=False, separators=(',', ':'))}`"


def _head(*cells: str) -> Sequence[str]:
    return _row(*cells), "|" + "---|" * len(cells)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
