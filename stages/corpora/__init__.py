"""Where sequences come from: sources and their bytes, MIDI and piano rolls, audio and windows, three splits."""
