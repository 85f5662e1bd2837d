"""The proxies of a cluster's links on the link server: made, changed, looked at, removed.

Invariant: a link that should be cut is never open for a moment while its proxy is made.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from harness.links.api import ApiError, LinkServerDied, Proxy, ToxiproxyApi
from harness.links.calls import delete_proxy
from harness.links.changes import Names, Way, joined, stages_of, way_of
from harness.links.effects import NO_EFFECTS, QUEUEING, Effect, Effects, What, effects_seen, idle_queues
from harness.links.link import Link
from harness.links.targets import Target

Wanted = Callable[[Link], Effects]
View = Mapping[str, Proxy | None]
"""The link server's own view of each link; None where it has no such proxy."""


class Wiring:
    """Which proxy serves which link.

    Args:
        api: the link server.
        prefix: before the name of every proxy.

    """

    def __init__(self, api: ToxiproxyApi, prefix: str) -> None:
        self.api = api
        self._prefix = f"{prefix}-" if prefix else ""
        self.links: dict[str, Link] = {}
        self._controls: dict[str, Proxy] = {}
        self._stuck: set[str] = set()
        self._idle: dict[str, Names] = {}

    def proxy_name(self, link: Link) -> str:
        """Return the name of a link's proxy on the link server."""
        return self._prefix + link.name

    def add(self, links: Sequence[Link], wanted: Wanted) -> list[Target]:
        """Make links, and one control proxy for each new address they lead to, in one call.

        Returns the targets that are new.

        Raises:
            ValueError: a link of that name exists, or is given twice.
            ApiError: a port is taken; none of the links is made.
            LinkServerDied: no answer.

        """
        names = [link.name for link in links]
        taken = sorted({name for name in names if name in self.links or names.count(name) > 1})
        if taken:
            raise ValueError(f"a link's name can be used once: {', '.join(taken)}")
        new = {link.upstream: link for link in links if link.upstream not in self._controls}
        controls = {upstream: self._control(link) for upstream, link in new.items()}
        made = self._populate([*(self._proxy(link, wanted(link)) for link in links), *controls.values()])
        self.links |= {link.name: link for link in links}
        self._controls |= controls
        self.make_so({link.name: _at_birth(wanted(link)) for link in links}, wanted)
        return [_target(link, controls[upstream], made) for upstream, link in new.items()]

    def restore(self, api: ToxiproxyApi, wanted: Wanted) -> list[Target]:
        """Make all proxies again on another link server, cut as wanted; return all targets.

        Raises:
            ApiError: a port is taken.
            LinkServerDied: no answer.

        """
        self.api = api
        self._stuck.clear()
        self._idle.clear()
        proxies = [self._proxy(link, wanted(link)) for link in self.links.values()]
        made = self._populate([*proxies, *self._controls.values()])
        self.make_so({name: _at_birth(wanted(link)) for name, link in self.links.items()}, wanted)
        leads_to = {link.upstream: link for link in self.links.values()}
        return [_target(leads_to[upstream], proxy, made) for upstream, proxy in self._controls.items()]

    def remove(self, links: Iterable[Link]) -> list[str]:
        """Remove links; return the addresses to which no link leads any more.

        Raises:
            LinkServerDied: no answer.

        """
        gone = [self.links.pop(link.name) for link in links]
        self._idle = {name: idle for name, idle in self._idle.items() if name in self.links}
        used = {link.upstream for link in self.links.values()}
        unused = [upstream for upstream in self._controls if upstream not in used]
        controls = [self._controls.pop(upstream).name for upstream in unused]
        self._delete([*map(self.proxy_name, gone), *controls])
        return unused

    def forget(self) -> None:
        """Forget all links, without a word to the link server."""
        self.links.clear()
        self._controls.clear()
        self._idle.clear()

    def view(self) -> View:
        """Return the link server's own view of each link.

        Every change is followed by one, so that the next change knows which queues are idle.

        Raises:
            LinkServerDied: no answer.

        """
        proxies = self.api.proxies()
        view = {name: proxies.get(self.proxy_name(link)) for name, link in self.links.items()}
        self._idle = {name: idle for name, proxy in view.items() if proxy and (idle := idle_queues(proxy))}
        return view

    def make_so(
        self, before: Mapping[str, Effects], wanted: Wanted, begun: Callable[[list[str]], None] | None = None
    ) -> list[str]:
        """Bring links from the effects they have to those that are wanted.

        Returns the names of those that were made anew: all their connections have ended.

        Args:
            before: what each link has.
            wanted: what a link should have.
            begun: called when delays that end hold nothing back any more and before anything else ends, with
                the names of the links that are changed in place.

        Raises:
            ApiError: the link server refused.
            LinkServerDied: no answer.

        """
        changes = []
        ways = {}
        for name, effects in before.items():
            link, after = self.links[name], wanted(self.links[name])
            idle = self._idle.get(name, frozenset())
            way = ways[name] = way_of(effects, after, is_stuck=name in self._stuck, idle_queues=idle)
            changes.append(stages_of(self.proxy_name(link), link, effects, after, way, idle))
            self._remember_stuck(name, effects, after, way)
        for number, stage in enumerate(joined(changes)):
            self.api.batch(stage)
            if begun is not None and number == 0:
                begun([name for name, way in ways.items() if way is Way.IN_PLACE])
        return [name for name, way in ways.items() if way is Way.MADE_ANEW]

    def follow(
        self, view: View, names: Iterable[str], wanted: Wanted, let_go: Callable[[list[str]], None]
    ) -> None:
        """Bring links from what the link server says they are to what is wanted.

        `let_go` is called, before anything else ends, with the names of the links whose held messages arrive
        now and are answered. Raises what `make_so` raises.
        """
        seen = {name: effects_seen(proxy) for name in names if (proxy := view[name]) is not None}
        self.make_so(seen, wanted, lambda alive: let_go([name for name in alive if _lets_go(seen[name])]))

    def end_is_gone(self, name: str, effects: Effects) -> None:
        """Remember that an end of a link died or was paused: what is queued there may never be taken."""
        if _may_queue(effects):
            self._stuck.add(name)

    def _remember_stuck(self, name: str, before: Effects, after: Effects, way: Way) -> None:
        """Closed connections leave their queues behind; a proxy that queues no more has none."""
        if way is Way.MADE_ANEW or not _may_queue(after):
            self._stuck.discard(name)
        elif Effect.REFUSED in after and _may_queue(before):
            self._stuck.add(name)

    def _populate(self, proxies: Sequence[Proxy]) -> dict[str, Proxy]:
        try:
            return self.api.populate(proxies)
        except ApiError:
            # What was made before the one that failed; a server that dies now is the lesser news.
            with suppress(LinkServerDied):
                self._delete([proxy.name for proxy in proxies])
            raise

    def _delete(self, names: Iterable[str]) -> None:
        there = self.api.proxies()
        self.api.batch([delete_proxy(name) for name in names if name in there])

    def _proxy(self, link: Link, effects: Effects) -> Proxy:
        return Proxy(
            name=self.proxy_name(link), listen=link.listen, upstream=link.upstream, enabled=not effects
        )

    def _control(self, link: Link) -> Proxy:
        name = f"{self._prefix}control-{link.channel}-{link.target}"
        return Proxy(name=name, listen="127.0.0.1:0", upstream=link.upstream, enabled=True)


def _at_birth(effects: Effects) -> Effects:
    """Return what a proxy is made with: refused until its toxics are there."""
    return frozenset({Effect.REFUSED}) if effects else NO_EFFECTS


def _lets_go(effects: Effects) -> bool:
    """Tell whether what is held arrives and is answered when these end in place.

    Not where the answer's stream has lost bytes, or may have been cut: its connections are closed.
    """
    whats = {effect.what for effect in effects}
    return What.HELD in whats and not whats & {What.LOST, What.CUT_AFTER}


def _may_queue(effects: Effects) -> bool:
    return any(effect.what in QUEUEING for effect in effects)


def _target(link: Link, control: Proxy, made: Mapping[str, Proxy]) -> Target:
    return Target(
        party=link.target, channel=link.channel, upstream=link.upstream, control=made[control.name].listen
    )
