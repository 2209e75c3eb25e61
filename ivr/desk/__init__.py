"""`siaga desk`: watches the line, keeps its records and tells of them. No call waits for it."""
