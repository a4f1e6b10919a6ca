"""The cleaning rules, one small function each over an Ibis expression; `aisle.data.clean` runs them in the order of `order.RULES`."""
