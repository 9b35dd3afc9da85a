"""The web console: what guards, supervisors, HR and auditors do, on a screen.

A process of its own.  It reads the log and the list, acts through the functions of gateway/desk,
gateway/people and the daemon's control socket, and can neither slow nor open a door.

app.py puts the screens together; each screen has a folder.  page.py is what a screen works with,
routes.py says who may use which, security/ who is signed in, live/ how a page stays fresh.
"""
