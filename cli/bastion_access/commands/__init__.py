"""The commands, by what people want. Each asks the API and prints; none decides anything."""
