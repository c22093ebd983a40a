"""Between Ansible and the cores: what every filter and every action plugin does around its core.

May import: report.
"""
