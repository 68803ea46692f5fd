from infra.deploy.rehearse.documented import here, shown, untyped


def test_what_was_typed_is_not_typed_again() -> None:
    typed = [("deploy", "--stage", "here"), ("redrive", "--stage", "here", "--json")]
    wanted = [("deploy", "--stage", "here"), ("redrive", "--stage", "here"), ("redrive", "--stage", "here")]

    assert [*untyped(wanted, typed)] == [("redrive", "--stage", "here")]


def test_what_ends_a_stage_is_left_for_the_end() -> None:
    assert [*untyped([("destroy", "--stage", "here")], [])] == []


def test_a_command_is_typed_for_the_stage_and_the_event_that_there_are() -> None:
    assert here("python -m infra trace 17/3 --stage dev") == "python -m infra trace 1/1 --stage rehearsal"
    assert here("make -s token STAGE=dev") == "make -s token STAGE=rehearsal"


def test_what_is_shown_for_a_stage_is_found_in_the_documents_and_what_is_shown_for_here_is_not() -> None:
    found = shown()

    assert "python -m infra restored --stage dev" in found
    assert "python -m infra package" in found
    assert "python -m infra restored" not in found
    assert "chalice deploy --stage dev" not in found
