"""The database: one row a call, what follows from it, and how far the journal was read."""
