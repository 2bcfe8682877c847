"""What every stage needs and no stage is about: commands and their errors, parameters, whole files."""
