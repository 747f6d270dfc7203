"""For auditors: finding entries, each with its proof, and telling the log itself who looked."""
