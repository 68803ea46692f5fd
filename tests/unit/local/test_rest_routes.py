import pytest

from infra.local.apigateway.rest_routes import Match, Routes

ROUTES = Routes(
    ["/", "/api", "/api/sessions", "/api/sessions/{id}", "/api/sessions/active", "/api/sessions/{id}/games"]
)


@pytest.mark.parametrize(
    ("path", "match"),
    [
        ("/", Match("/", {})),
        ("/api", Match("/api", {})),
        ("/api/", Match("/api", {})),
        ("/api/sessions/17", Match("/api/sessions/{id}", {"id": "17"})),
        ("/api/sessions/active", Match("/api/sessions/active", {})),
        ("/api/sessions/17/games", Match("/api/sessions/{id}/games", {"id": "17"})),
        ("/api/sessions/a%2Fb", Match("/api/sessions/{id}", {"id": "a%2Fb"})),
    ],
)
def test_a_path_is_routed_to_its_resource(path: str, match: Match) -> None:
    assert ROUTES.match(path) == match


@pytest.mark.parametrize("path", ["/nope", "/api/nope", "/api/sessions/1/2/3", "/API"])
def test_a_path_that_is_nobodys_is_routed_nowhere(path: str) -> None:
    assert ROUTES.match(path) is None
