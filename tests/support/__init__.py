"""What tests share: a network to break, an outsider's view of the directory."""
