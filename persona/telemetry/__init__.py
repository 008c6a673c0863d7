"""Watching the stack: trace ids, log lines and metrics, for every process. Knows no framework."""
