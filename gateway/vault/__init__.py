"""What is secret or must be written whole: site key, sealed templates, reader keys, files."""
