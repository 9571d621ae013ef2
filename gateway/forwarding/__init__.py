"""What came is sent on to PACS, as rules say: durable deliveries, worked off by the worker."""
