"""What programs are told of vendors."""
