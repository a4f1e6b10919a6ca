"""In what order the page shows what was found: sort orders, variants, literal matches, diversity, the shop's rules, facets, highlights."""
