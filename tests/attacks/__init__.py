"""What an attacker would try, over HTTP."""
