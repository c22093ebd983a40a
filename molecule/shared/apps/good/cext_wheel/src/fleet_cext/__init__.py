"""A package with a C extension: deployed as a wheel, since hosts have no compiler."""
