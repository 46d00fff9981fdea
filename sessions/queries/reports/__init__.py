"""Reports: what leaves the house as a file, each made as one value from what the actor may see."""
