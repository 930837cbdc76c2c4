"""Views of a running load: one text, drawn as a widget in Jupyter or as a line in a terminal."""
