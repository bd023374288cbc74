# SPDX-License-Identifier: Apache-2.0
"""A slow way to a server: a relay on loopback that holds back what comes from either side for `delay` seconds."""
import asyncio
import contextlib
import threading

from .ports import reserve_port

CHUNK = 65536


class Relay:
    """To 127.0.0.1:`target`. `delay` may be changed at any time; it counts for what comes from then on. `held`: how many
    pieces were held back so far."""

    def __init__(self, target, delay=0.0):
        self.port = reserve_port()
        self.delay = delay
        self.held = 0
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port))
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    async def _serve(self, reader, writer):
        # Who listens complains of a connection that is cancelled.
        with contextlib.suppress(OSError, asyncio.CancelledError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            await asyncio.gather(self._pass_on(reader, far_writer), self._pass_on(far_reader, writer))
        writer.close()

    async def _pass_on(self, reader, writer):
        """Reads on while it holds back, so that what is sent in many pieces is late once and not once for each."""
        pieces = asyncio.Queue()
        write = asyncio.ensure_future(self._write(pieces, writer))
        piece = b"first"
        while piece:
            try:
                piece = await reader.read(CHUNK)
            except OSError:
                piece = b""
            pieces.put_nowait((self._loop.time() + self.delay, piece))
        await write

    async def _write(self, pieces, writer):
        """Until the other side has ended, which is as late as anything else."""
        with contextlib.suppress(OSError):
            while True:
                due, piece = await pieces.get()
                await asyncio.sleep(due - self._loop.time())
                self.held += self.delay > 0
                if not piece:
                    break
                writer.write(piece)
                await writer.drain()
        writer.close()

    def close(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
