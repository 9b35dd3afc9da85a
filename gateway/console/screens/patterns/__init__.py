"""Patterns: the findings of a week, why each is worth a look, and what people made of it."""
