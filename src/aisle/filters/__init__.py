"""What may be shown: policy (stock, availability), what the request asks for, what the user has seen. Never how good an item is."""
