"""Many kinds of what is wrong, each by name: tried through HTTP by the tests beside what refuses them."""
