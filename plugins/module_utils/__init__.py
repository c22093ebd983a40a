"""The code behind the modules. Runs on hosts: only Python 3.10 (Ubuntu 22.04) and its library."""
