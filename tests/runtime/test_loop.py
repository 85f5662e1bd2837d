"""The runtime around a core: clock, order, timer, and that nobody waits for ever."""

import threading
import time

import pytest

from nodecore.core.answers import Done
from nodecore.core.enquiries import ReadMembers
from nodecore.core.events import (
    Call,
    CallFailed,
    Change,
    ClientRequest,
    Effect,
    Event,
    Lane,
    Log,
    MembersChanged,
    Notify,
    PeerReply,
    PeerRequest,
    Reply,
    Tick,
)
from nodecore.core.messages import Accepted, Failure, SyncDelete
from nodecore.core.operations import ReadState
from nodecore.runtime.loop import Busy, Stopped
from tests.runtime.scripted import ScriptedCore, log_text, running

PATIENCE_S = 5.0


def reply_at_once(event: Event) -> list[Effect]:
    match event:
        case ClientRequest(request_id=request_id):
            return [Reply(request_id, Done())]
        case PeerRequest(request_id=request_id):
            return [PeerReply(request_id, Accepted())]
        case _:
            return []


def test_it_begins_with_one_tick() -> None:
    """The core starts its timers from it."""
    ticked = threading.Event()

    def script(event: Event) -> list[Effect]:
        if isinstance(event, Tick):
            ticked.set()
        return []

    core = ScriptedCore(script)
    with running(core):
        assert ticked.wait(PATIENCE_S)
    assert [type(e) for e, _ in core.events] == [Tick]


def test_a_tick_comes_when_it_is_due_and_not_before() -> None:
    """Also when an event moves the deadline forward while the timer sleeps."""
    ticked = threading.Event()
    core = ScriptedCore()

    def script(event: Event) -> list[Effect]:
        if isinstance(event, MembersChanged):
            core.deadline = time.monotonic() + 0.05
        elif core.deadline is not None:
            core.deadline = None
            ticked.set()
        return []

    core.script = script
    with running(core) as runtime:
        runtime.change_members(("127.0.0.1:1",))
        assert ticked.wait(PATIENCE_S)
    changed, tick = core.events[-2:]
    assert isinstance(tick[0], Tick)
    assert tick[1] >= changed[1] + 0.05


def test_the_core_never_sees_time_go_back() -> None:
    """The clock is read inside the lock, however many threads submit."""
    core = ScriptedCore(reply_at_once)
    with running(core) as runtime:
        threads = [
            threading.Thread(target=lambda: [runtime.ask(ReadState()).result() for _ in range(100)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
    times = [now for _, now in core.events]
    assert len(times) >= 400
    assert times == sorted(times)


def test_each_request_gets_its_own_reply() -> None:
    """Clients and peers share the ids, not the answers."""
    with running(ScriptedCore(reply_at_once)) as runtime:
        assert runtime.ask(ReadState()).result(PATIENCE_S) == Done()
        assert runtime.ask_as_peer(SyncDelete(("k",)), "127.0.0.1:1").result(PATIENCE_S) == Accepted()


def test_a_reply_may_come_with_a_later_event() -> None:
    """A forward is answered when its call has ended."""
    asked: list[int] = []

    def script(event: Event) -> list[Effect]:
        if isinstance(event, ClientRequest):
            asked.append(event.request_id)
        if isinstance(event, MembersChanged):
            return [Reply(asked[0], Done())]
        return []

    with running(ScriptedCore(script)) as runtime:
        future = runtime.ask(ReadState())
        assert not future.done()
        runtime.change_members(())
        assert future.result(PATIENCE_S) == Done()


def test_a_callback_of_a_future_may_ask_again() -> None:
    """Futures are fulfilled outside the lock, or this would never end."""
    with running(ScriptedCore(reply_at_once)) as runtime:
        inner: list[object] = []
        done = threading.Event()

        def ask_again(_: object) -> None:
            inner.append(runtime.ask(ReadMembers()).result(PATIENCE_S))
            done.set()

        runtime.ask(ReadState()).add_done_callback(ask_again)
        assert done.wait(PATIENCE_S)
    assert inner == [Done()]


def test_a_fault_of_the_core_reaches_who_asked() -> None:
    """And the next request is served."""

    def script(event: Event) -> list[Effect]:
        if isinstance(event, ClientRequest) and isinstance(event.operation, ReadState):
            raise TypeError("a defect")
        return reply_at_once(event)

    with running(ScriptedCore(script)) as runtime:
        with pytest.raises(TypeError, match="a defect"):
            runtime.ask(ReadState()).result(PATIENCE_S)
        assert runtime.ask(ReadMembers()).result(PATIENCE_S) == Done()


def test_who_may_not_wait_is_told_when_the_core_is_busy() -> None:
    """And nothing was done: the core never heard of it."""
    at_it, go_on = threading.Event(), threading.Event()

    def script(event: Event) -> list[Effect]:
        if isinstance(event, MembersChanged):
            at_it.set()
            assert go_on.wait(PATIENCE_S)
        return reply_at_once(event)

    core = ScriptedCore(script)
    with running(core) as runtime:
        long = threading.Thread(target=runtime.change_members, args=((),))
        long.start()
        assert at_it.wait(PATIENCE_S)
        refused = [
            runtime.ask(ReadState(), may_wait=False),
            runtime.ask_as_peer(SyncDelete(("k",)), "", may_wait=False),
        ]
        assert [type(future.exception(0)) for future in refused] == [Busy, Busy]
        go_on.set()
        long.join()
        assert runtime.ask(ReadState(), may_wait=False).result(0) == Done()
    assert [type(event) for event, _ in core.events if not isinstance(event, Tick)] == [
        MembersChanged,
        ClientRequest,
    ]


def test_a_fault_in_a_tick_does_not_stop_the_clock() -> None:
    """It is logged, and the next tick comes, though not at once."""
    second = threading.Event()

    def script(event: Event) -> list[Effect]:
        if isinstance(event, Tick):
            if len(core.events) == 1:
                core.deadline = 0.0
                raise ValueError("a defect")
            core.deadline = None
            second.set()
        return []

    core = ScriptedCore(script)
    core.deadline = 0.0
    with running(core) as runtime:
        assert second.wait(PATIENCE_S)
        assert "event=core_fault while=Tick error=\"ValueError('a defect')\"" in log_text(runtime)


def test_who_waits_is_told_when_the_node_stops() -> None:
    """So is who asks afterwards."""
    with running(ScriptedCore()) as runtime:
        waiting = runtime.ask(ReadState())
    with pytest.raises(Stopped, match="shutting down"):
        waiting.result(PATIENCE_S)
    with pytest.raises(Stopped, match="not running"):
        runtime.ask(ReadState()).result(PATIENCE_S)


def test_a_call_that_failed_comes_back_as_an_event() -> None:
    """Exactly one event for each call, though nobody listens at the target."""
    ended = threading.Event()

    def script(event: Event) -> list[Effect]:
        if isinstance(event, MembersChanged):
            return [
                Call(
                    call_id=7,
                    target="127.0.0.1:1",
                    message=SyncDelete(("k",)),
                    lane=Lane.DATA,
                    timeout_s=PATIENCE_S,
                )
            ]
        if isinstance(event, CallFailed):
            ended.set()
        return []

    core = ScriptedCore(script)
    with running(core) as runtime:
        runtime.change_members(())
        assert ended.wait(PATIENCE_S)
    failed = [e for e, _ in core.events if isinstance(e, CallFailed)]
    assert failed == [CallFailed(7, Failure.REFUSED)]


@pytest.mark.requirement("R7")
def test_listeners_hear_every_change_in_order_and_never_under_the_lock() -> None:
    """A listener may ask the node itself; it hears changes and the delete as they were, once each."""
    heard: list[tuple[Change, object]] = []
    last = threading.Event()

    def script(event: Event) -> list[Effect]:
        if isinstance(event, MembersChanged):
            changes: list[Effect] = [Notify("k", Change.CHANGE, None) for _ in range(3)]
            return [*changes, Notify("other", Change.CHANGE, None), Notify("k", Change.DELETE, None)]
        return reply_at_once(event)

    with running(ScriptedCore(script)) as runtime:

        def listener(notify: Notify) -> None:
            heard.append((notify.change, runtime.ask(ReadState()).result(PATIENCE_S)))
            if notify.change is Change.DELETE:
                last.set()

        runtime.listeners.listen("k", listener)
        runtime.listeners.listen("k", listener)
        runtime.change_members(())
        assert last.wait(PATIENCE_S)
    assert heard == [(Change.CHANGE, Done())] * 3 + [(Change.DELETE, Done())]


@pytest.mark.requirement("R7")
def test_a_listener_that_fails_or_left_disturbs_nobody() -> None:
    """Its fault is logged; who stopped listening hears nothing more."""
    heard: list[str] = []
    both = threading.Barrier(2)

    def fails(_: Notify) -> None:
        raise RuntimeError("a listener's defect")

    def left(_: Notify) -> None:
        heard.append("left")

    def stays(_: Notify) -> None:
        heard.append("stays")
        both.wait(PATIENCE_S)

    def script(event: Event) -> list[Effect]:
        return [Notify("k", Change.CHANGE, None)] if isinstance(event, MembersChanged) else []

    with running(ScriptedCore(script)) as runtime:
        for listener in (fails, left, stays):
            runtime.listeners.listen("k", listener)
        runtime.listeners.unlisten("k", left)
        runtime.change_members(())
        both.wait(PATIENCE_S)
        assert "event=listener_failed key=k" in log_text(runtime)
    assert heard == ["stays"]


def test_a_log_effect_is_one_line_whatever_it_holds() -> None:
    """A value with blanks, quotes or line ends cannot forge a second line."""
    said = Log(level="info", event="said", fields=(("what", 'a "b"\nlevel=error'),))
    with running(ScriptedCore(lambda _: [said])) as runtime:
        runtime.change_members(())
        lines = log_text(runtime).splitlines()
    assert lines[-1].endswith(r'event=said what="a \"b\"\nlevel=error"')
