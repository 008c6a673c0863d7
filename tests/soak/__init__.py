"""Many shoppers talk while processes are killed and the shop fails; then the books are audited."""
