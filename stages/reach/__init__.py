"""How far back a net reaches: one step's loss sent back through time, and the gates that keep or replace a state."""
