"""Trucks at the gate: who drives what for whom, with which seal, inspected by whom.

`transaction` and `findings` are pure: facts, steps, and what stands in the way of each, judged by
the site's policy.  `arrivals`, `inspections`, `loading` and `departures` have the acts, each with
its event in one transaction of people.db (`act`); `seals` is the inventory, `checklists` and
`iso6346` are data and arithmetic.  Refusals are `gateway.desk.errors.DeskError`.
"""
