"""What Django's database layer lacks here. It knows nothing of the program."""
