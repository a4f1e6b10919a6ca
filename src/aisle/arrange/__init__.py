"""In what order the page shows what was found: sort orders and paging. Diversity, pins and exploration come here."""
