"""The code behind the filters and action plugins. Runs on the controller: Python 3.12.

May import the types in `module_utils/protocol`, and no other host code.
"""
