"""What the service can carry on this machine, beside two baselines on the same server.

`suite` runs the scenarios, `generator` makes the load in a process of its own, `baselines` are what
the figures are compared with, `report` prints them.
"""
