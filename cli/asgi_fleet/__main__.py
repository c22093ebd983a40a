"""`python -m asgi_fleet`: the command, from a clone as well."""

from asgi_fleet.front import main

main()
