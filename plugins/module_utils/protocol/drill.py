"""What both sides call the parts of a drill."""

from __future__ import annotations

#: How the archive is called that a release of a drill is made of: by that a host knows it.
ARCHIVE = "asgi-fleet-drill-"
#: Exercises that are done on a host, by what the module `drill` calls them.
ON_HOST = ("kill_worker", "kill_master", "reload_nginx", "full_disk", "host_lost")
#: Connections of the load to each server.
CONNECTIONS = 4
