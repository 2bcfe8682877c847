"""How things are shown, whoever shows them: names and numbers in words, one look for figures, pages as HTML."""
