"""The auditor's commands. They need no service and no database, and import neither."""
