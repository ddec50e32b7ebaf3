"""Taking events: to Kafka, once for each id that a client gave, and an answer only when all in-sync replicas have it.

`producer` sends and tells of each delivery; `ids` remembers whose event is where; `doubts` settles what an instance
that died left open, by reading the topic; `intake` joins them.
"""
