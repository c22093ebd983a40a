"""`python -m tests.load`: loads one server, then prints one JSON line."""

import json
import sys

import uvloop

from tests.load.options import parse
from tests.load.run import run

if __name__ == "__main__":
    options = parse(sys.argv[1:])
    print(json.dumps(uvloop.run(run(options))), flush=True)
