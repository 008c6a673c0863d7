"""What both web sides of the front share and that is no business of either."""
