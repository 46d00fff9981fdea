"""Every field of a protocol document, spelled once, by what it is about.

Reader, writer, JSON Schema, the reference's tables and the list of figures all come from this table: a new
field is one line here and one in the file of the same name in `definition/`. Knows no patient and no clock.
"""
