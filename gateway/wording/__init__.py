"""What records, codes and the status say, in words for people: for the commands and the console."""
