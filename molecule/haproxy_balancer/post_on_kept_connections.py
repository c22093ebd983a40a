"""POSTs on a few kept connections until told to stop; counts what is lost, sends nothing twice.

python3 post_on_kept_connections.py PORT NAME CACERT STOP_FILE
"""

import http.client
import json
import socket
import ssl
import sys
import threading
import time
from pathlib import Path

PORT, NAME, CACERT, STOP_FILE = int(sys.argv[1]), *sys.argv[2:5]
CLIENTS = 4
LIMIT_SECONDS = 60


class Client(threading.Thread):
    def __init__(self) -> None:
        super().__init__()
        self.answered = 0
        self.connections = 0
        self.lost: list[str] = []

    def connect(self) -> http.client.HTTPConnection:
        context = ssl.create_default_context(cafile=CACERT)
        connection = http.client.HTTPConnection(NAME, timeout=10)
        raw = socket.create_connection(("127.0.0.1", PORT), timeout=10)
        connection.sock = context.wrap_socket(raw, server_hostname=NAME)
        self.connections += 1
        return connection

    def run(self) -> None:
        end = time.monotonic() + LIMIT_SECONDS
        connection = None
        while not Path(STOP_FILE).exists() and time.monotonic() < end:
            try:
                connection = connection or self.connect()
                connection.request("POST", "/", body=b"x=y")
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    self.lost.append(f"status {answer.status}")
                self.answered += 1
                if answer.getheader("Connection", "").lower() == "close":
                    connection = None
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(repr(error))
                connection = None


clients = [Client() for _ in range(CLIENTS)]
for client in clients:
    client.start()
for client in clients:
    client.join()
print(
    json.dumps(
        {
            "answered": sum(client.answered for client in clients),
            "connections": sum(client.connections for client in clients),
            "lost": [loss for client in clients for loss in client.lost],
        }
    )
)
