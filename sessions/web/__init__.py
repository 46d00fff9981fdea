"""The pages: parse, call one operation or query, render."""
