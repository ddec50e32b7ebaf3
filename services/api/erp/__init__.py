"""The ERP's tables as resources: models, SQL and addresses are made from the catalogue."""
