"""The peer: a bot of the same topics as one builds it on Rasa's stock parts, for comparison."""
