"""Trucks at the gate: who drives what for whom, with which seal, inspected by whom.

`transaction` and `findings` are pure: the facts, the steps, and what stops each step by the site's
policy.  `arrivals`, `inspections`, `loading` and `departures` have the acts; `act` writes an act
and its event in one transaction of people.db.  `seals` is the inventory of seals.  `checklists` and
`iso6346` are data and arithmetic.  A refusal raises `gateway.desk.errors.DeskError`.
"""
