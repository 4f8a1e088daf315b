"""A millhand server with a real Ray behind it, spoken to as a pool does."""
