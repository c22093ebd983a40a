"""What an operator sees while a playbook runs: events, the state of a run, and its picture.

`run` takes the events of a callback, `fleet` and `phases` make the state of a rollout out of them,
`picture` draws it as lines of styled text and `plain` tells it line by line, `failures` has the
errors. All of these are pure. `region` keeps the picture at the end of a terminal, and is the only
one that needs the library rich; `signals` takes Ctrl-C, and `command` reads what was typed.

May import: rollout.
"""
