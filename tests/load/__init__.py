"""A load generator that counts every request that failed or was cut: `python -m tests.load`."""
