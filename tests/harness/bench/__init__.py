"""`cutheal bench`: that it measures what it says, at the smallest sizes; how fast is no test's business."""
