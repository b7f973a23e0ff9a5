"""Where tracks come from. No Django in here: everything needed is an argument."""
