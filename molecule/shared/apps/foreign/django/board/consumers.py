"""WebSockets."""

from channels.generic.websocket import AsyncWebsocketConsumer


class Echo(AsyncWebsocketConsumer):
    """Sends back what it receives."""

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Send it back, in capitals."""
        await self.send(text_data=(text_data or "").upper(), bytes_data=bytes_data)
