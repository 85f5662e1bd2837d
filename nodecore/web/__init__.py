"""The WSGI applications, and the waitress servers that carry them."""
