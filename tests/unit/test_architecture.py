"""How large the product may be. What may import what is in pyproject.toml, and lint-imports holds it."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / "chalicelib").rglob("*.py")}

MOST_LINES = 9_530  # 8,500, and what undoing, invites, guests and revocation came to on top
LONGEST_FILE = 250
FULLEST_FOLDER = 12

LONGER_FILES = {
    "chalicelib/aws/dynamodb/connections/connections.py",  # joining and leaving write the same items
    "chalicelib/bootstrap.py",  # one composition root: a part of it would be a second one
    "chalicelib/errors.py",  # one tree of errors, so that one table of each protocol can be complete
}


def lines(path: Path) -> int:
    return path.read_text().count("\n")


def test_the_product_stays_small() -> None:
    assert sum(map(lines, FILES.values())) <= MOST_LINES


def test_a_file_is_read_in_one_go() -> None:
    longer = {name for name, path in FILES.items() if lines(path) > LONGEST_FILE}

    assert longer <= LONGER_FILES


def test_a_folder_is_taken_in_at_a_glance() -> None:
    modules = [path.parent for path in FILES.values() if path.name != "__init__.py"]
    fuller = {str(folder.relative_to(ROOT)) for folder in modules if modules.count(folder) > FULLEST_FOLDER}

    assert fuller == set()
