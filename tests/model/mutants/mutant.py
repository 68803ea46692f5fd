"""A service that is broken in one thing for as long as its patch lasts."""

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from pytest import MonkeyPatch  # noqa: PT013 - a name of a type, as all others here

Mutant = Callable[[MonkeyPatch], None]


def mutant(owner: Any, name: str) -> Callable[[Callable[..., Any]], Mutant]:
    """Make a mutant of a function that stands for ``owner.name``, which it is given first."""

    def decorate(broken: Callable[..., Any]) -> Mutant:
        def put(patch: MonkeyPatch) -> None:
            right = getattr(owner, name)

            async def later(*arguments: Any, **named: Any) -> Any:
                return await broken(right, *arguments, **named)

            def at_once(*arguments: Any, **named: Any) -> Any:
                return broken(right, *arguments, **named)

            patch.setattr(owner, name, later if iscoroutinefunction(broken) else at_once)

        put.__name__, put.__module__ = broken.__name__, broken.__module__
        return put

    return decorate
