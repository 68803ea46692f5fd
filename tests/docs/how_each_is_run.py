"""How each command that a document shows is run, all of them; ``test_how_each_is_run`` holds it to that.

A command is written as ``tests.docs.documents.alike`` has it.
"""

from dataclasses import dataclass

NIGHT = 'python -m infra session start "Friday Game Night"'
GAME = 'python -m infra game add "Quiplash 3"'


@dataclass(frozen=True, slots=True)
class Here:
    """Typed by ``test_run`` in a checkout where the gateway runs: it ends with 0 and has printed ``prints``.

    ``given`` is typed before it, ``more`` behind it, and ``answer`` where it asks.
    """

    prints: str
    given: tuple[str, ...] = ()
    more: str = ""
    answer: str = ""


HELP = Here("Usage: python -m benchmarks.", more=" --help")
"""Takes minutes, or what no test has: it is asked for help only, so that it can be said to begin."""

TRACED = (NIGHT, "until python -m infra trace 17/3; do :; done")

HERE = {
    # On the gateway of `make run`.
    "make -s token": Here("eyJ"),
    "make token": Here("eyJ"),
    "make token ROLE=admin": Here("eyJ"),
    "make demo": Here("carol │ has caught up: ", more=" --pace 0"),
    NIGHT: Here("has started: Friday Game Night"),
    GAME: Here("🎲 Quiplash 3 is game 1 of session #", given=(NIGHT,)),
    "python -m infra vote alice up": Here("Quiplash 3 stands at +1 (1 up, 0 down)", given=(NIGHT, GAME)),
    "python -m infra session close": Here(" is over: 0 games", given=(NIGHT,)),
    "python -m infra trace 17/3": Here("session.started, event 1/1", given=TRACED),
    "python -m infra trace 2/1": Here("session.started, event 1/1", given=TRACED),
    "python -m infra rotate-secret": Here("Tokens of local are signed with "),
    "python -m infra restored": Here("have new epochs", given=(NIGHT,), answer="y"),
    # Nothing has to run for these; what is written is the copy's.
    ". .venv/bin/activate": Here("/.venv/bin/python", more=" && command -v python"),
    "make scale": Here("Being connected alone"),
    "make specs": Here("openapi.json."),
    "make tables": Here("tables.md."),
    "python -m infra": Here("\nCommands:\n", more=" --help"),
    "python -m infra --help": Here("\nCommands:\n"),
    "python -m infra rotate-secret --help": Here("Sign tokens with another secret from now on"),
    "python -m infra specs --check": Here("The specifications are what the code says."),
    "python -m infra tables costs": Here("\nPOST /api/sessions "),
    "python -m infra tables items": Here("\nsession#1 "),
    "cp bots/gamenight.py": Here(
        "my-bot/gamenight.py", given=("mkdir -p my-bot",), more=" my-bot/ && ls my-bot/*"
    ),
    "cp bots/gamenight.py my-bot/ && pip install websockets": Here("websockets", given=("mkdir -p my-bot",)),
    # Measurements, as small as they can be.
    "python -m benchmarks.bare_clone": HELP,
    "python -m benchmarks.budget": Here("1,000,000 connections"),
    "python -m benchmarks.cost": Here("\ntogether "),
    "python -m benchmarks.imports": Here("pynamodb", more=" --rounds 1"),
    "python -m benchmarks.cold_start --rounds 5": HELP,
    "python -m benchmarks.soak --seconds 300": HELP,
    "make bench-broadcast": HELP,
    "make bench-cold-start": HELP,
    "make bench-end-to-end": HELP,
    "make bench-fanout": HELP,
    "make bench-votes": HELP,
    "make soak": HELP,
}

SUITE = {
    "tests/docs/test_run.py::test_the_gateway_serves_until_ctrl_c": (
        "make run",
        "make run PORT=5001",
        "make run PORT=5077",
        "LOG_FORMAT=json make run",
        "LOG_LEVEL=DEBUG make run",
    ),
    "tests/docs/test_run.py::test_the_gateway_serves_on_an_engine_that_runs": (
        "AWS_ENDPOINT_URL_DYNAMODB=http://localhost:8000 make run",
    ),
    "tests/docs/test_run.py::test_a_listener_prints_what_happens": ("make listen",),
    "tests/docs/test_pasted.py::"
    "test_the_bot_on_the_first_screen_hears_the_night_that_the_curl_below_it_starts": (
        'python bot.py "$(make -s token)"',
        "curl -X POST http://localhost:5000/api/sessions *",
    ),
    "tests/docs/test_pasted.py::test_the_specification_can_be_read_with_curl": (
        "curl -s http://localhost:5000/api/openapi.json",
    ),
    "tests/bots/test_listeners.py::test_a_listener_prints_a_night_over_a_break": (
        "pip install websockets",
        'export GAMENIGHT_TOKEN="$(make -s token)"',
        "python bots/listen.py *",
    ),
    "tests/bots/test_docs.py::test_the_bot_of_the_text_is_a_whole_bot": (
        "pip install ./bots",
        "python my_bot.py",
    ),
    "tests/bots/test_irc_bot.py::test_a_night_is_announced_voted_on_and_told_results": (
        "pip install irc",
        "python bots/irc_bot.py *",
    ),
    "tests/bots/test_discord_bot.py::test_a_night_is_announced_through_limits_and_errors": (
        "export DISCORD_WEBHOOK_URL=*",
        "python bots/discord_bot.py *",
    ),
    "tests/bots/test_docs.py::test_a_host_can_make_a_token_for_a_bot": (
        "curl -X POST http://localhost:5000/api/tokens *",
    ),
    "tests/local/test_redrive.py::test_what_was_given_up_is_heard_again_after_a_redrive": (
        "python -m infra redrive",
    ),
    "tests/integration/supply/test_audit.py::"
    "test_an_audit_that_could_not_take_place_says_so_and_claims_nothing": (
        "python -m infra audit --required",
    ),
    "tests/faults/test_redrive.py": ("pytest tests/faults/test_redrive.py",),
    "tests/faults/test_all_together.py": ("FAULTS_SEED=17 pytest tests/faults/test_all_together.py",),
    "tests/integration/dynamodb/test_deadlines.py": (
        "pytest tests/integration/dynamodb/test_deadlines.py -k grows",
    ),
    "tests/local/test_restore.py": ("pytest tests/local/test_restore.py",),
}
"""What a test of the suite runs, by the test; of a file that is named alone, the file is what is run."""

CI = ("make test", "make test-all", "make check", "make test-dynamodb-local", "make rehearse")
"""What ``.ci/run`` runs."""

REHEARSED = (
    "* --stage dev",
    "* --stage dev *",
    "chalice deploy",
    "make -s token STAGE=dev",
    "make deploy STAGE=dev",
    "pytest tests/conformance *",
    "python -m infra package",
)
"""What `make rehearse` types at a stage of its own, in ``infra.deploy.rehearse.documented`` or before that.

The suite is given the stage's addresses, and Chalice's commands are typed by ours.
"""

UNRUN = {
    "apt-get install *": "a system's package, which `.ci/run` installs where it is missing",
    "aws *": "AWS's own; test_commands holds it to the names that AWS's API has",
    "chalice package*": "Chalice's own, named beside ours for comparison",
    "export AWS_PROFILE=*": "names an account of the reader's",
    "git clone": "leads to wherever the reader has the project from",
    "ls -l out/deployment.zip": "looks at what Chalice's own command makes",
    "make install": "asks the registry for all that the project takes; each target asks for what it takes",
    "make lock": "asks the registry what is new, and pins that",
    "make screenshots": "ten seconds of a browser for pictures; tests/page drives it over the same page",
    "make test-fast *": "a part of `make test`",
    "make test-model": "minutes; `make test` runs it without its rare variants",
    "npm install ws": "asks the registry; tests/node.py installs the same, pinned",
    "pip install aws-lambda-powertools *": "packages to compare with, which the project does without",
    "python -X importtime *": "needs a package that only the benchmarks' environment has",
    "sudo *": "the benchmark of `make bench-fanout`, as root, for minutes",
}
"""What no test runs, and why. ``test_commands`` holds it to what there is, as it does all others."""
