"""Training a model of one's own while one explores."""
