"""The personnel list: a new one is sent, looked at, confirmed; an older one comes back."""
