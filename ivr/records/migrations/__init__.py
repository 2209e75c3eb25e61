"""How the tables came to be what they are: one step a change of `schema.py`, never edited later."""
