"""The shop's backend behind one protocol."""
