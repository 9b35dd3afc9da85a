"""The rules of `decide()`, one file a subject; each is a pure function over one `Case`."""
