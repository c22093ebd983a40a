"""Values that may come as text: `-e app_workers=4` gives `'4'`.

May import: nothing else here.
"""
