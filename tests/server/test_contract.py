"""db/contract.txt matches the schema, so that a diff shows every change of the contract."""

from __future__ import annotations

import difflib

from scripts.cluster import TEMPLATE
from scripts.contract import FILE, contract
from scripts.server import Cluster


def test_contract_matches_the_schema(cluster: Cluster) -> None:
    present = contract(cluster.url(TEMPLATE))
    lines = difflib.unified_diff(
        FILE.read_text().splitlines(),
        present.splitlines(),
        "db/contract.txt",
        "the schema",
        lineterm="",
        n=0,
    )
    difference = "\n".join(lines)
    assert not difference, (
        f"db/contract.txt differs from the schema: run `make docs` and read the diff.\n{difference}"
    )
