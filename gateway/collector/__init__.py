"""The audit subscriber: what gateways publish, in a database at headquarters."""
