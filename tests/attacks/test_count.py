from tests.attacks.cases import CASES


def test_a_run_tries_ten_thousand_attacks() -> None:
    assert sum(CASES.values()) >= 10_000
