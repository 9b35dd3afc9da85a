"""People who are not employees: visitors and vendors, and the companies that they come from.

`register` has the acts (expected, arrived, host told, departed), `badges` the temporary badges,
`regulars` the known regular visitors, `records` what is on record, `partners` the register of
companies, `identity` the photo IDs, `visitlog` the log that CTPAT's criterion 10.2 asks for.  Plain
functions over a sqlite3 connection to people.db; what is refused raises
`gateway.desk.errors.DeskError`.
"""
