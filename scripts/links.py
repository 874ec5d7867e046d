#!/usr/bin/env python3
"""Carries the connections between nodes, so that a node can be cut off: links.py NAME:PORT:TARGET...

NAME is the two nodes of a link, as 1-2; what connects to PORT of 127.0.0.1 reaches TARGET there.
Lines of the standard input say what happens: `cut N` cuts all links of node N, `heal` ends all cuts.
Bytes that are on their way over a cut link wait, and so do new connections, as in a network that
loses every packet. The end of the input ends the program.
"""

import asyncio
import sys


class Link:
    def __init__(self, text):
        name, port, target = text.split(":")
        self.nodes = name.split("-")
        self.port, self.target = int(port), int(target)
        self.whole = asyncio.Event()
        self.whole.set()

    async def accept(self, reader, writer):
        try:
            await self.whole.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        both = [self.carry(reader, far_writer), self.carry(far_reader, writer)]
        await asyncio.gather(*both)

    async def carry(self, reader, writer):
        try:
            while data := await reader.read(1 << 16):
                await self.whole.wait()
                writer.write(data)
                await writer.drain()
            await self.whole.wait()
        except OSError:
            pass
        writer.close()


async def main():
    links = [Link(text) for text in sys.argv[1:]]
    for link in links:
        await asyncio.start_server(link.accept, "127.0.0.1", link.port)
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    print("links carry", flush=True)
    while line := (await lines.readline()).decode().split():
        for link in links:
            if line[0] == "heal":
                link.whole.set()
            elif line[1] in link.nodes:
                link.whole.clear()


asyncio.run(main())
