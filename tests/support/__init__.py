"""What tests share: the server, its database, people, clients. No other folder is imported here."""
