"""Pictures of items: read from the shop's folder, made into vectors."""
