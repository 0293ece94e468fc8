"""The endpoints of the service: one file for each group of URL paths, and each file builds one router."""
