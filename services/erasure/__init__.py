"""What is held on one person: exported on request, and erased."""
