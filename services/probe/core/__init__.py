"""What a journey consists of and how its findings are judged.

Pure: no network, no clock, no random numbers.
"""
