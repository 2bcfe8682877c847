"""A reader's own runs beside the committed ones: what `make quick` and `make try` end with."""
