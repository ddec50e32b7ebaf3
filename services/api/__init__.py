"""The API: FastAPI behind Nginx. The ERP's tables as resources, events into Kafka, marts and quotes out of the lab.

`app` puts it together; `routers` has one file for each part of the addresses; `erp` makes models and SQL of the
catalogue; `intake` takes events and knows what has become of each; `security` says who may do what.
"""
