"""Real time: Kafka's topics, Debezium's connectors, and what watches over them."""
