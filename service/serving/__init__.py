"""The processes of `serve`: a parent that keeps its workers alive, and workers that accept complete requests."""
