"""Real little servers that speak the platforms' HTTP APIs, and misbehave when they are told to."""
