"""The nets heard and seen: test pieces continued by trained nets, as notes, MIDI and sound."""
