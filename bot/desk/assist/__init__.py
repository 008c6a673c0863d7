"""What helps the agent: brief, reading, advice, suggestions, canned replies, check of a draft, rules."""
