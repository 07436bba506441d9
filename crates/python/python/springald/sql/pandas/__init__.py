"""What scripts import of PySpark's pandas support."""
