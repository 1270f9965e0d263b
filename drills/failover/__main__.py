"""Kill, freeze and cut off the leader of three nodes under load. COUNT=20 (of each fault) SEED=

Three nodes under Patroni with etcd (Debian's etcd-server is installed if it is missing), two
instances of the API, clients with idempotency keys. Then the nodes replicate asynchronously, and
the same checker has to find acknowledged writes that are lost. FOLDER=/dev/shm keeps the data of
the nodes there, where they come back sooner.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from drills import report
from drills.failover import drill, findings
from drills.failover.drill import PARTITION, Plan, Result
from drills.failover.nodes import ASYNCHRONOUS, Nodes, three_nodes
from drills.stage import durable_cluster
from scripts.cluster import THROWAWAY
from scripts.system import CommandError, command_line, say

LOSSES = 5  # partitions of an asynchronous leader until one that loses nothing counts as a fault
LOST = "acknowledged_writes_are_stored"


def main() -> None:
    count, seed = int(os.environ.get("COUNT") or 20), report.seed()
    parent = os.environ.get("FOLDER")
    say(f"failover: SEED={seed} COUNT={count}, about {count * 2 + 4} minutes")
    with (
        tempfile.TemporaryDirectory(prefix=f"{THROWAWAY}logs-") as name,
        durable_cluster(Path(parent) if parent else None) as origin,
        three_nodes(origin) as nodes,
    ):
        folder = Path(name)
        sound = drill.run(nodes, folder, Plan(seed, count))
        losing = asynchronous(nodes, folder, seed)
        version = nodes.sql("show server_version").split()[0]
    found = findings.faults(sound, losing)
    report.write("failover", findings.text(sound, losing, version, parent, found))
    for failure in found:
        say(f"failover: {failure}")
    if found:
        raise CommandError("NOT SOUND")
    say("failover: sound")


def asynchronous(nodes: Nodes, folder: Path, seed: str) -> Result:
    """The same drill without a synchronous standby, until the checker finds a lost write."""
    say("failover: asynchronous replication")
    nodes.leader().change(ASYNCHRONOUS)
    nodes.wait_until_whole(synchronous=False)
    for number in range(1, LOSSES + 1):
        plan = Plan(f"{seed}/asynchronous/{number}", 1, (PARTITION,), synchronous=False)
        result = drill.run(nodes, folder, plan)
        if LOST in result.violations:
            break
    return result


if __name__ == "__main__":
    command_line("failover", main)
