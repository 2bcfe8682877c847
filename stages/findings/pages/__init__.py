"""The pages, rendered from the tables: formatting, order and words, and no number of their own."""
