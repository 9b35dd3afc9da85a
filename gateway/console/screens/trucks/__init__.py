"""Trucks: the board, one truck's way through the gate, and the pictures of its inspection."""
