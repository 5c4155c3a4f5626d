"""The contracts of customer360: input, stored rows, output.

Nothing here does I/O beyond reading the packaged rules files; services depend on schemas, never
the other way round.
"""
