"""`python -m snowpipe_pandas` is the command line, where the folder of scripts is on no path."""

from .cli import main

main()
