#!/bin/sh
# Stands in for `springald submit` in tests: prints its flags, and runs the file as a script of the shell.
echo "$@"
while [ "${1#/}" = "$1" ]; do shift; done
file=$1
shift
exec /bin/sh "$file" "$@"
