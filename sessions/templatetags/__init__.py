"""Template tags of the sessions pages."""
