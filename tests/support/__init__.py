"""Servers and readers that several tests share."""
