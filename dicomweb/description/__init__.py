"""What the services say of themselves: capabilities (PS3.18 8.9) and OpenAPI."""
