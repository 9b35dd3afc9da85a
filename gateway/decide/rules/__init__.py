"""The rules of `decide()`, one file for each subject; a rule is a pure function of a `Case`."""
