"""What the modules do, on the hosts: Python 3.10 (Ubuntu 22.04's) and its standard library only."""
