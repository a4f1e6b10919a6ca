"""A shop whose truth is known: catalogue, shoppers, clicks and attackers drawn from one seed, with the truth kept apart."""
