"""The same events give the same bytes of effects in every process, whatever its hash seed."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from nodecore.core.events import Effect
from tests.core.agents import Agent
from tests.core.checked_world import IPS, CheckedWorld
from tests.core.scenarios import both_ways

ROOT = Path(__file__).parents[2]


class Recorded(CheckedWorld):
    """A world that digests every effect of every core, in order."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.effects = 0
        super().__init__(seed=5)

    def _perform(self, address: str, effects: list[Effect]) -> None:
        for effect in effects:
            self.effects += 1
            self.digest.update(f"{self.now!r} {address} {effect!r}\n".encode())
        super()._perform(address, effects)


def history() -> str:
    """Return the digest of a run with clients, checked instances, a cut, a kill and a heal."""
    world = Recorded()
    s1, s2, s3 = world.addresses
    services = [f"g@@{name}" for name in ("a", "b", "c", "d", "e")]
    for number in range(3):
        Agent(world, f"C{number}", f"10.1.0.{number}", services)
    world.register()
    world.run(10.0)
    world.dead[IPS[0]] = None
    world.cut(both_ways([s1, s2, "C0", "C1"], [s3, "C2"]))
    world.run(45.0)
    world.change_members(s1, (s3, s2, s1, "10.0.0.9:1"))
    world.heal()
    world.run(10.0)
    world.kill(s2)
    world.run(10.0)
    world.start(s2)
    world.run(15.0)
    return f"{world.effects} {world.digest.hexdigest()}"


def test_the_same_events_give_the_same_bytes_under_any_hash_seed() -> None:
    """Sets and dicts of strings iterate differently in each of these processes."""
    printed = [
        subprocess.run(
            [sys.executable, "-c", "from tests.core.test_determinism import history; print(history())"],
            check=True,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("0", "1", "4242")
    ]
    assert len(set(printed)) == 1, printed
    assert int(printed[0].split()[0]) > 1000
