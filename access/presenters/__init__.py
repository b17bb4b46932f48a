"""How the core's facts read to people: words, tones and icons. Writes nothing, asks no cloud."""
