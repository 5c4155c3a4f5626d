"""Requests and answers of the HTTP interface that are no records of a stream."""
