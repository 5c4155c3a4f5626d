"""The typed bodies of all touchpoint events, one module per area of the business."""
