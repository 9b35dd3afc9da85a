"""The evaluation of patterns on simulated sites, with peers: docs/patterns-evaluation.md."""
