"""Keeps all clients together below one rate."""

import asyncio

#: How much a stalled run may catch up, in seconds of its rate. Clients wait for their answers, so a
#: server that stands still is not sent a queue of requests afterwards.
CATCH_UP_SECONDS = 0.05


class Pace:
    """Hands out turns, `rate` a second, to all clients of a run."""

    def __init__(self, rate: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._interval = 1 / rate
        self._next = self._loop.time()
        self._waiting: set[asyncio.Future[None]] = set()
        self.stopped = False

    async def turn(self) -> bool:
        """Waits for a turn; returns False once the run is over."""
        now = self._loop.time()
        at = max(self._next, now - CATCH_UP_SECONDS)
        self._next = at + self._interval
        if at > now and not self.stopped:
            woken = self._loop.create_future()
            self._waiting.add(woken)
            timer = self._loop.call_at(at, _wake, woken)
            try:
                await woken
            finally:
                timer.cancel()
                self._waiting.discard(woken)
        else:
            # A server that answers at once must not keep the other clients from their turn.
            await asyncio.sleep(0)
        return not self.stopped

    def stop(self) -> None:
        """Ends the run: who waits is told at once."""
        self.stopped = True
        for woken in self._waiting:
            _wake(woken)


def _wake(woken: "asyncio.Future[None]") -> None:
    if not woken.done():
        woken.set_result(None)
