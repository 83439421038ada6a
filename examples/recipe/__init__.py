"""What the scripts of the recipe share."""
