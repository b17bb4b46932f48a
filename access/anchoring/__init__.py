"""What the portal remembers outside its database: until when what is open may stay open, and how
far the ledger had come. Signed, so that whoever can write there can neither lengthen nor invent."""
