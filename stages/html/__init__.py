"""Pages as HTML: one file each, with all that they show inside."""
