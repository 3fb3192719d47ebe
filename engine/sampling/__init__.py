"""From logits to a token: settings, the chain, the distribution that it leaves, and the coin that chooses from it."""
