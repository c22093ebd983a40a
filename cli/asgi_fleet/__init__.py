"""The short command for the playbooks of asgi.fleet."""
