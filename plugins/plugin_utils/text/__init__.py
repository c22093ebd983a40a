"""What a value spells that may come as text, as `-e app_workers=4` gives `'4'`.

May import: nothing else here.
"""
