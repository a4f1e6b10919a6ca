"""Search for better numbers of sources and rankers; what is found is proved on requests that the search did not use."""
