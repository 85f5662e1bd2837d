"""A session of imagined clusters, copied into inner pytest runs in place of `harness.session`.

It starts nothing and can be told to fail in ways that a real session seldom does: `WORLD.leaks`,
`WORLD.died`, `WORLD.cannot_be_asked`. What happened is written to a file, one line each, for the outer test.
"""

import os
from pathlib import Path
from types import SimpleNamespace


class World:
    def __init__(self):
        self.leaks = []
        self.died = None
        self.cannot_be_asked = False
        self.waits = None

    def note(self, line):
        with Path(os.environ["IMAGINED_NOTES"]).open("a", encoding="utf-8") as notes:
            notes.write(line + "\n")


WORLD = World()


class SessionOptions:
    def __init__(self, **options):
        self.__dict__.update(options)


class Session:
    slots_capacity = 4

    def __init__(self, options):
        self.options = options
        self.reuse = Reuse()
        self.link_server = SimpleNamespace(backend="toxiproxy", version="2.12.0")
        options.folder.mkdir(parents=True, exist_ok=True)
        names = ("worker", "links", "time_scale", "seed", "node_log_level", "keep")
        WORLD.note("session " + " ".join(f"{name}={getattr(options, name)}" for name in names))
        WORLD.note(f"folder {options.folder}")

    def cluster(self, spec, *, owner, on_wait, on_made, on_took):
        on_took("boot", 0.25)
        if WORLD.waits:
            on_wait(WORLD.waits)
        WORLD.note(
            f"cluster of {owner}: nodes={spec.nodes} profile={spec.profile} config={dict(spec.config)}"
        )
        cluster = Cluster(self.options.folder, spec, owner)
        on_made(cluster)
        return cluster

    def revive(self):
        died, WORLD.died = WORLD.died, None
        return died

    def leaks(self):
        return list(WORLD.leaks)

    def close(self):
        WORLD.note("session closed")


class Reuse:
    def keep(self, cluster):
        WORLD.note(f"kept cluster of {cluster.owner}")
        cluster.close()
        return "imagined clusters are used once"

    def end(self):
        pass


class Cluster:
    def __init__(self, folder, spec, owner):
        self.nodes = [f"s{number}" for number in range(1, spec.nodes + 1)]
        self.folder = folder
        self.owner = owner
        self.histories = [folder / "history.jsonl"]
        self.histories[0].touch()
        for name in self.nodes:
            (folder / f"{name}.log").write_text(f"{name} says hello\n{name} says goodbye\n", encoding="utf-8")

    def describe(self):
        if WORLD.cannot_be_asked:
            raise ConnectionError("nobody answers")
        parties = [self._party(name) for name in self.nodes]
        return SimpleNamespace(nodes=parties, removed=[], agents=[], cuts=("peer-s1-s3",), text=self._text)

    def close(self):
        WORLD.note(f"closed cluster of {self.owner}")

    def _party(self, name):
        path = self.folder / f"{name}.log"
        return SimpleNamespace(
            name=name,
            address="127.0.0.1:1",
            pid=7,
            log_path=path,
            last_lines=(f"{name} says goodbye",),
            metrics="nodecore_records 7.0\n" if name == "s1" else "",
        )

    def _text(self):
        return "\n".join(
            [*(f"{name} 127.0.0.1:1 pid 7 running" for name in self.nodes), "links cut: peer-s1-s3"]
        )
