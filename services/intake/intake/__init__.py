"""Takes concerns in from schools, answers with advice at once, and gives receipts back."""
