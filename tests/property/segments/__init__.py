"""Membership of segments against an oracle that looks at every fact for itself."""
