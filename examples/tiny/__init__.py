"""The tiny pictures and the tiny model, on which the recipe runs on two CPU cores."""
