"""Proofs that take minutes, or need a tool that nobody else needs: each is run by hand and leaves a dated page."""
