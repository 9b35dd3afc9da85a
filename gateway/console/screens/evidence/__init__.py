"""Evidence: the auditor's packet, what is missing for a visit, documents, and reviews."""
