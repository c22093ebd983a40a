"""The plugins of the collection asgi.fleet."""
