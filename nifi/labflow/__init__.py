"""What the lab's NiFi processors do, in plain Python, without NiFi, Kafka or the rest of the lab."""
