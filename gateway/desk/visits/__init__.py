"""People who are not employees: visitors and vendors, and the companies that they come from.

`register` has the acts (expected, arrived, host told, departed), `badges` the temporary badges,
`regulars` the known regular visitors, `records` the rows, `visitlog` the log that CTPAT's criterion
10.2 asks for.  All are functions over a sqlite3 connection to people.db.  A refusal raises
`gateway.desk.errors.DeskError`.
"""
