"""Lanes side by side: several settings on the same coins, once or over many seeds, and what tells streams apart."""
