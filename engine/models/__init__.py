"""A model's name -> its files -> a backend that runs, and the record that sessions keep of it."""
