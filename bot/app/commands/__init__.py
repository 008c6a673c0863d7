"""One module per subcommand of ``zhixin``; each imports what it needs only when it runs."""
