"""Raw bytes for everything that strangers can send: a line, a batch, a file, a request.

Each case follows from its seed alone; a failure prints it.
"""
