"""The desk's pages, one resource a module."""
