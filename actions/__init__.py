"""Custom actions: one file per topic, facts in, facts out, never prose."""
