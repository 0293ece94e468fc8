"""The addresses of the service: one file for each group of addresses, and each file builds one router."""
