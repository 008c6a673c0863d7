"""Test aids shared by rooms."""
