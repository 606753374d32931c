"""The steps. A released step is never changed: any change to the tables is a new step."""
