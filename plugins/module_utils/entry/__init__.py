"""Between Ansible and the work: what every module does around it.

May import: host, protocol.
"""
