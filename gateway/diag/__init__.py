"""What support needs of a gate, in one file, without a secret and without anybody's data.

Nothing is taken out: each part says what goes in (keep.py), and everything else stays here.
"""
