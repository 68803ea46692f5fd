"""What no schema can say of a good request, said to schemathesis."""

from typing import Any

import schemathesis


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Hide the document's example of a key: after its first use it is a 422 with every other request."""
    del context, raw_schema["components"]["parameters"]["IdempotencyKey"]["example"]


@schemathesis.hook
def before_call(
    context: schemathesis.HookContext, case: "schemathesis.Case[Any]", kwargs: dict[str, Any]
) -> None:
    """Make good what is good only to the schema; what is to be refused is refused still."""
    del context, kwargs
    if isinstance(case.body, dict):
        _players_in_order(case.body)


def _players_in_order(body: dict[str, Any]) -> None:
    """Fewer can't play than must: no schema compares two fields."""
    least, most = body.get("min_players"), body.get("max_players")
    if isinstance(least, int | float) and isinstance(most, int | float) and least > most:
        body["min_players"], body["max_players"] = most, least
