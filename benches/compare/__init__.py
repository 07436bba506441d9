"""Springald and Spark side by side: the same work on clusters of one shape, in turn, with every answer compared.

    make bench SIZE=small
    python -m compare --help        in the folder `benches`

`README.md` beside this file says what is measured and what a receipt holds.
"""
