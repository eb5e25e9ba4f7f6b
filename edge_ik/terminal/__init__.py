"""What commands show people: text as it is, and a bar while something goes on."""
