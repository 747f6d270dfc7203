"""The event contracts: what the services tell each other, one file an aggregate."""
