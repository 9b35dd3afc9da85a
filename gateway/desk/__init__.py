"""The guard's desk: visits, freight, partners.  One act is one transaction and one event."""
