"""What the image holds, without a container engine: its steps carried out in a directory."""
