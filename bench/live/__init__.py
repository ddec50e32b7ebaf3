"""Real time, measured on the running live half: `python -m bench.live`, or `make bench-live`.

Everything is done to this clone's own stack, by its addresses on 127.0.0.1: bounded numbers of changes of rows of its
own or of rows that stay as they are, and of events. What a part starts beside the stack is gone at its end.
"""
