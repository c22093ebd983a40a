"""How Ansible gets to the cores: what every filter and every action plugin does around one.

May import: nothing else here.
"""
