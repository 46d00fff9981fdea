"""A report written as a file: CSV, a spreadsheet, or PDF. Each takes the same value and adds nothing to
it."""
