"""PostgreSQL, Redis and a mail sink as child processes, for `make demo` and for the tests. Production uses
none of it."""
