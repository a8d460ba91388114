"""Events from Kafka, each once at a time and in order, and none lost: Faust, made safe (design section 2)."""
