"""What tests run against: real servers and real processes. No stand-ins for our own parts."""
