"""One direction of one connection: from a source socket through toxics, in order of creation, to a target.

Invariants: bytes are read only while the first toxic (or, without toxics, the target) has room, so what is
buffered is bounded; order is kept; the end of the source closes the target when all before it was delivered.
"""

from collections import deque
from collections.abc import Callable, Sequence
from random import Random

from harness.links.embedded.endpoint import Endpoint
from harness.links.embedded.kinds import Told
from harness.links.embedded.loop import READ, WRITE, Loop, Timer
from harness.links.embedded.toxics import CLOSE, IDLE, Chunk, Inlet, Noop, Step, Toxic, Wait

COPY_BYTES = 256 * 1024
"""Read at once where nothing but copying is to be done."""

CHUNK_BYTES = 32 * 1024
"""What toxics are given at once: Go's copy buffer, which their behaviour is measured in."""

STEPS_AT_ONCE = 256
"""After so many chunks other connections have their turn."""

_BUFFER = bytearray(COPY_BYTES)
_VIEW = memoryview(_BUFFER)


class Stage:
    """A toxic at work on a link, or passing everything on where the roll of its toxicity missed."""

    __slots__ = ("_active", "_random", "_toxic", "inlet", "room", "told")

    def __init__(self, told: Told, random: Random) -> None:
        self.told = told
        self.inlet = Inlet()
        self.room = told.kind.room
        self._random = random
        self._toxic = told.kind.make(told.attributes, random)
        self._active: Toxic = self._toxic
        self._roll()

    @property
    def is_doomed(self) -> bool:
        """Whether it closes the link at its time, come what may."""
        return self._active.is_doomed

    @property
    def is_sink(self) -> bool:
        """Whether nothing comes out of it."""
        return self._active.is_sink

    def step(self, now: float) -> Step:
        """Do what is due."""
        return self._active.step(self.inlet, now)

    def restart(self) -> list[Chunk]:
        """Start anew, with a new roll, and give back what was held."""
        held = self._active.interrupt()
        if not self.is_doomed:
            self._roll()
        return held

    def _roll(self) -> None:
        hit = self._random.random() < self.told.toxicity
        self._active = self._toxic if hit else Noop()


class Link:
    """Carries bytes from source to target.

    Args:
        loop: of all sockets and timers.
        source: is read.
        target: is written, and closed at the end.
        stages: of the toxics there are.
        on_finished: called once, after the target was closed.

    """

    def __init__(
        self,
        loop: Loop,
        source: Endpoint,
        target: Endpoint,
        stages: Sequence[Stage],
        on_finished: Callable[["Link"], None],
    ) -> None:
        self._loop = loop
        self._source = source
        self._target = target
        self._stages = list(stages)
        self._on_finished = on_finished
        self._out: deque[bytes | memoryview] = deque()
        self._is_ended = False
        self._is_finished = False
        self._reads = True
        self._alarm: tuple[float, Timer] | None = None

    def start(self) -> None:
        """Take over the readable side of the source and the writable side of the target."""
        self._source.on_readable = self._read
        self._source.on_closed = self.end_source
        self._target.on_writable = self._flush
        self._source.want(READ, wanted=True)

    def add(self, stage: Stage) -> None:
        """Put a toxic at the end of the chain; what the one before held leaves first."""
        if self._is_finished or self._is_ended:
            return
        if self._stages:
            if self._stages[-1].is_doomed:
                return
            self._send_on(len(self._stages), self._stages[-1].restart())
        if not self._is_finished:
            self._stages.append(stage)
        self._pump()

    def update(self, told: Told) -> None:
        """Have a toxic start anew with what it is told now."""
        for index, stage in enumerate(self._stages):
            if stage.told is told:
                self._send_on(index + 1, stage.restart())
                self._pump()
                return

    def remove(self, told: Told) -> None:
        """Take a toxic out; what it held, and what waited before it, goes on at once.

        A `timeout` toxic closes the link: a stream that lacks bytes must not go on.
        """
        index = next((i for i, stage in enumerate(self._stages) if stage.told is told), None)
        if index is None or self._stages[index].is_doomed:
            return
        if told.type == "timeout":
            self._close_at(index)
        else:
            self._take_out(index)
        self._pump()

    def end_source(self) -> None:
        """The source has ended, or was closed: nothing more comes in."""
        if not self._reads or self._is_finished:
            return
        self._stop_reading()
        self._end(0)
        self._pump()

    def abort(self) -> None:
        """Forget everything; the sockets are closed by whoever calls."""
        self._is_finished = True
        self._stages.clear()
        self._out.clear()
        self._disarm()

    def _read(self) -> None:
        if self._stages:
            self._read_chunk()
        else:
            self._copy()

    def _copy(self) -> None:
        """Read and write without a detour: nothing is queued here, or the source would not be read."""
        try:
            size = self._source.socket.recv_into(_BUFFER)
        except BlockingIOError:
            return
        except OSError:
            size = 0
        if size:
            self._write(_VIEW[:size])
            self._source.want(READ, wanted=not self._out and self._reads)
        else:
            self.end_source()

    def _read_chunk(self) -> None:
        try:
            data = self._source.socket.recv(CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._stages[0].inlet.chunks.append(Chunk(data, self._loop.now()))
            self._pump()
        else:
            self.end_source()

    def _pump(self) -> None:
        """Move on whatever can move, then wait for the next moment at which something can."""
        if self._is_finished:
            return
        now = self._loop.now()
        for _ in range(STEPS_AT_ONCE):
            wake_at, moved = self._pass_over(now)
            if not moved:
                break
        else:
            wake_at = now
        self._arm(wake_at)
        self._source.want(READ, wanted=self._reads and self._has_room(0))

    def _pass_over(self, now: float) -> tuple[float | None, bool]:
        """Run each stage once; return when one wants to be run again, and whether anything moved."""
        wake_at: float | None = None
        moved = False
        for index in range(len(self._stages)):
            step = self._step(index, now)
            if step is CLOSE:
                self._close_at(index)
                return None, True
            if isinstance(step, Chunk):
                moved = True
                self._send_on(index + 1, [step])
                if self._is_finished:
                    return None, False
            elif isinstance(step, Wait):
                wake_at = step.until if wake_at is None else min(wake_at, step.until)
        return wake_at, moved

    def _step(self, index: int, now: float) -> Step:
        stage = self._stages[index]
        return stage.step(now) if stage.is_sink or self._has_room(index + 1) else IDLE

    def _has_room(self, index: int) -> bool:
        if index == len(self._stages):
            return not self._out
        stage = self._stages[index]
        return len(stage.inlet.chunks) < stage.room

    def _send_on(self, index: int, chunks: Sequence[Chunk]) -> None:
        """Give chunks to the stage of this index, or to the target after the last."""
        if index < len(self._stages):
            self._stages[index].inlet.chunks.extend(chunks)
            return
        for chunk in chunks:
            self._write(chunk.data)

    def _take_out(self, index: int) -> None:
        stage = self._stages.pop(index)
        loose = [*stage.restart(), *stage.inlet.chunks]
        if index:
            loose += self._stages[index - 1].restart()
        self._send_on(index, loose)
        if stage.inlet.ended:
            self._end(index)

    def _close_at(self, index: int) -> None:
        """End the stream behind this stage; nothing before it matters any more."""
        self._stop_reading()
        del self._stages[: index + 1]
        self._end(0)

    def _end(self, index: int) -> None:
        """Tell the stage of this index, or the target after the last, that nothing more comes."""
        if self._is_finished:
            return
        if index < len(self._stages):
            self._stages[index].inlet.ended = True
            return
        self._is_ended = True
        if not self._out:
            self._finish()

    def _stop_reading(self) -> None:
        self._reads = False
        self._source.want(READ, wanted=False)

    def _write(self, data: bytes | memoryview) -> None:
        if self._is_finished:
            return
        if self._out:
            self._out.append(bytes(data))
            return
        try:
            sent = self._target.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._finish()
            return
        if sent < len(data):
            self._out.append(bytes(data[sent:]))
            self._target.want(WRITE, wanted=True)

    def _flush(self) -> None:
        while self._out:
            try:
                sent = self._target.socket.send(self._out[0])
            except BlockingIOError:
                return
            except OSError:
                self._finish()
                return
            if sent < len(self._out[0]):
                self._out[0] = memoryview(self._out[0])[sent:]
                return
            self._out.popleft()
        self._target.want(WRITE, wanted=False)
        if self._is_ended:
            self._finish()
        else:
            self._pump()

    def _finish(self) -> None:
        if self._is_finished:
            return
        self._stop_reading()
        self.abort()
        self._target.close()
        self._on_finished(self)

    def _arm(self, moment: float | None) -> None:
        """Pump at a moment; an alarm that is set for earlier stays, and then sets the right one."""
        if moment is None or (self._alarm is not None and self._alarm[0] <= moment):
            return
        self._disarm()
        self._alarm = (moment, self._loop.call_at(moment, self._wake))

    def _disarm(self) -> None:
        if self._alarm is not None:
            self._alarm[1].cancel()
            self._alarm = None

    def _wake(self) -> None:
        self._alarm = None
        self._pump()
