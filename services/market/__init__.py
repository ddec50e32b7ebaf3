"""A source of quotes that behaves like a stock exchange's feed: `walk` makes prices, `source` posts them to the API."""
