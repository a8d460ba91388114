"""What is stored of every entity: written by the owners, known to all."""
