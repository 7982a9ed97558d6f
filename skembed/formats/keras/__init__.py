"""Networks of Keras: recognised, loaded, described, and tapped."""
