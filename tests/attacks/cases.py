"""How much is tried in one run of each family of attacks; each test asserts its own part.

Together they are the ten thousand that the service has to stand.
"""

CASES = {
    "tokens": 1800,
    "roles": 600,
    "frames": 4000,
    "bodies": 2500,
    "positions": 1500,
    "keys": 150,
}
