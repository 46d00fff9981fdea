"""Statistics of small numbers, each from a published formula named in docs/statistics.md. Knows counts and
scores; knows no protocol, no person and no clinic."""
