"""Who runs a network: a program takes a batch of images and returns their rows."""
