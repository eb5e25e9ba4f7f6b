"""From records to descriptions of pictures, and from these to plotly and to matplotlib."""
