"""What operators practise, on the whole service: `make drills`."""
