"""What bench/serve.py runs on the host, as root: its Python and the standard library alone."""
