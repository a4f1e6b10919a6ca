"""Why an item is shown, in words a shopper can check and in numbers that add up; and at which stage an absent one was lost."""
