"""What a model does, measured, drawn and put on one page that needs no network.

Three layers: `measuring` takes a model to plain records, `drawing` takes a record to descriptions
of pictures and these to plotly and matplotlib, `page` puts pictures and words into one file.
"""
