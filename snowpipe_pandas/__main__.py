"""`python -m snowpipe_pandas` is the command line, for when the folder of scripts is not on the path."""

from .cli import main

main()
