"""What a network may come as, an object for each kind."""
