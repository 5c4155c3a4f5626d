"""The contracts of customer360: what comes in, what is stored, what goes out.

Nothing here does I/O beyond reading the packaged rules files; services depend on schemas, never
the other way round.
"""
