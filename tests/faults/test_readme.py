import re
from pathlib import Path

HERE = Path(__file__).parent
DEFINED = re.compile(r"def (test_\w+)")
NAMED = re.compile(r"`(test_\w+)`")


def test_every_fault_has_the_test_that_the_table_names() -> None:
    suites = [path.read_text() for path in HERE.parent.rglob("test_*.py")]
    defined = {name for text in suites for name in DEFINED.findall(text)}

    named = NAMED.findall((HERE / "README.md").read_text())

    assert len(named) >= 20
    assert [name for name in named if name not in defined] == []
